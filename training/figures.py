"""Crops of drawn figures and their heatmaps; batch number b of a seed is always the same.

Crops as HRNet and PP-TinyPose are trained on: the box enlarged by 1.25, moved, scaled, turned and
mirrored at random. Heatmaps as DARK has them (Zhang et al., CVPR 2020, section 3.3): a gaussian
around the keypoint itself, not around the nearest pixel. A joint that is not in the crop, or a face
that is turned away, has an empty map.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from postprocess.affine import Region, affine_matrix, moved, person_region
from surgery.scenes import TRAINING_SEED, Instance, draw
from surgery.scenes.pose import PAIRS

SIZE = (128, 96)  # height, width of a crop
STRIDE = 4
SIGMA = 1.5  # of the gaussians, heatmap pixels
GROWTH = 1.25
MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1) * 255  # RGB
STD = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1) * 255

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]


class Batch(NamedTuple):
    """One training batch of B figures."""

    images: Tensor  # (B, 3, H, W) uint8 RGB
    heatmaps: Tensor  # (B, 17, H/4, W/4) float32


def normalise(images: Tensor) -> Tensor:
    """(N, 3, H, W) uint8 RGB -> float32, as the network takes it."""
    return (images.float() - MEAN) / STD


def box_of(instance: Instance) -> Floats:
    """(4,) x1, y1, x2, y2 around what is visible of a figure."""
    x, y, width, height = cv2.boundingRect(instance.mask.view(np.uint8))
    return np.array([x, y, x + width, y + height], np.float32)


def crop(image: Image, matrix: NDArray[np.float64]) -> Image:
    """(H, W, 3) BGR through a (2, 3) matrix -> (3, 128, 96) RGB."""
    warped = cv2.warpAffine(image, matrix, SIZE[::-1], flags=cv2.INTER_LINEAR)
    return np.ascontiguousarray(warped[:, :, ::-1].transpose(2, 0, 1)).astype(np.uint8, copy=False)


def heatmaps(keypoints: Floats) -> Floats:
    """(17, 3) x, y, visibility in pixels of the crop -> (17, 32, 24), gaussians of height 1."""
    height, width = (side // STRIDE for side in SIZE)
    x, y = (keypoints[:, :2] / STRIDE).T[:, :, None]
    across = np.exp(-((np.arange(width) - x) ** 2) / (2 * SIGMA**2))
    down = np.exp(-((np.arange(height) - y) ** 2) / (2 * SIGMA**2))
    inside = (x > -0.5) & (x < width - 0.5) & (y > -0.5) & (y < height - 0.5)
    there = (inside[:, 0] & (keypoints[:, 2] > 0))[:, None, None]
    return np.where(there, down[:, :, None] * across[:, None, :], 0).astype(np.float32)


def augmented(rng: np.random.Generator, image: Image, instance: Instance) -> tuple[Image, Floats]:
    """A figure's crop (3, 128, 96) and its keypoints (17, 3) in it, varied at random."""
    assert instance.keypoints is not None
    region = person_region(box_of(instance), SIZE, GROWTH)
    shift = rng.normal(0, 0.04, 2) * region.extent
    region = Region(region.centre + shift, region.extent * np.exp(rng.normal(0, 0.12)))
    turn = float(np.clip(rng.normal(0, 15), -40, 40)) if rng.random() < 0.6 else 0.0
    matrix = affine_matrix(region, SIZE, rotation=turn)
    if rng.random() < 0.5:
        return mirrored(crop(image, matrix), in_crop(instance.keypoints, matrix))
    return crop(image, matrix), in_crop(instance.keypoints, matrix)


def in_crop(keypoints: Floats, matrix: NDArray[np.float64]) -> Floats:
    """(17, 3) keypoints through the matrix that moves the pixels."""
    points = moved(keypoints[:, :2], matrix)
    return np.concatenate([points, keypoints[:, 2:]], axis=1).astype(np.float32)


def mirrored(image: Image, keypoints: Floats) -> tuple[Image, Floats]:
    """A crop seen in a mirror, where left joints are right ones."""
    order = np.arange(len(keypoints))
    for left, right in PAIRS:
        order[[left, right]] = right, left
    swapped = keypoints[order]
    swapped[:, 0] = SIZE[1] - 1 - swapped[:, 0]
    return np.ascontiguousarray(image[:, :, ::-1]), swapped


def figures(seed: int, first: int) -> Iterator[tuple[int, Image, Instance]]:
    """Figures of a seed's scenes from number `first` on: scene, (H, W, 3) BGR image, figure."""
    index = first
    while True:
        scene = draw(seed, index, domain="figures")
        for instance in scene.instances:
            yield index, scene.image, instance
        index += 1


class Batches(Dataset[Batch]):
    """Batch b of training run `seed` begins with scene 1000 * b, of which few are drawn."""

    def __init__(self, seed: int, batch: int) -> None:
        self.seed, self.batch = TRAINING_SEED + seed, batch

    def __getitem__(self, number: int) -> Batch:
        rng = np.random.default_rng([self.seed, number])
        images, targets = [], []
        for _, image, instance in figures(self.seed, 1000 * number):
            picture, keypoints = augmented(rng, image, instance)
            images.append(picture)
            targets.append(heatmaps(keypoints))
            if len(images) == self.batch:
                break
        return Batch(torch.from_numpy(np.stack(images)), torch.from_numpy(np.stack(targets)))
