"""Batches of freshly drawn scenes; batch number b of a seed is always the same."""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from surgery.scenes import DOMAINS, TRAINING_SEED, draw

from .targets import ContourOf, aligned_contour, scene_targets

MEAN = torch.tensor([0.40789654, 0.44719302, 0.47026115]).view(3, 1, 1) * 255  # BGR
STD = torch.tensor([0.28863828, 0.27408164, 0.27809835]).view(3, 1, 1) * 255


def normalise(images: Tensor) -> Tensor:
    """(N, 3, H, W) uint8 BGR -> float32, as the networks take it."""
    return (images.float() - MEAN) / STD


Drawn = TypeVar("Drawn")


class Batch(NamedTuple):
    """One training batch: B images, n instances in all, P points, C classes."""

    images: Tensor  # (B, 3, H, W) uint8 BGR
    heatmap: Tensor  # (B, C, H/4, W/4) float32
    owner: Tensor  # (n,) int64: which image
    centres: Tensor  # (n, 2) int64 x, y, feature pixels
    contours: Tensor  # (n, P, 2) float32, input pixels
    keys: Tensor  # (n, P) bool


class Batches(Dataset[Batch]):
    """Batch b of training run `seed` holds scenes b * batch ... (b + 1) * batch - 1."""

    def __init__(
        self,
        seed: int,
        batch: int,
        points: int,
        size: int = 128,
        contour_of: ContourOf = aligned_contour,
    ) -> None:
        self.seed, self.batch, self.points, self.size = TRAINING_SEED + seed, batch, points, size
        self.contour_of = contour_of

    def __getitem__(self, number: int) -> Batch:
        first = number * self.batch
        scenes = [draw(self.seed, first + i, self.size) for i in range(self.batch)]
        classes = len(DOMAINS["shapes"].classes)
        targets = [scene_targets(scene, classes, self.points, self.contour_of) for scene in scenes]
        owner = np.repeat(np.arange(self.batch), [len(t.centres) for t in targets])
        images = np.stack([scene.image.transpose(2, 0, 1) for scene in scenes])
        return Batch(
            torch.from_numpy(images),
            torch.from_numpy(np.stack([t.heatmap for t in targets])),
            torch.from_numpy(owner),
            torch.from_numpy(np.concatenate([t.centres for t in targets])),
            torch.from_numpy(np.concatenate([t.contours for t in targets])),
            torch.from_numpy(np.concatenate([t.keys for t in targets])),
        )


def _single_thread(worker: int) -> None:
    cv2.setNumThreads(1)
    torch.set_num_threads(1)


def loader(batches: Dataset[Drawn], numbers: range) -> DataLoader[Drawn]:
    """Batches of those numbers in order, drawn ahead by one worker process."""
    return DataLoader(
        batches,
        batch_size=None,
        sampler=numbers,
        num_workers=1,
        prefetch_factor=4,
        worker_init_fn=_single_thread,
    )
