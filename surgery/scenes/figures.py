"""Drawn figures: jointed people of thick and thin limbs before any background, partly hidden.

The demo keypoint network learns on these. Colours say nothing about left and right: the face does,
or its absence on a figure seen from behind. Keypoints are in pixel indices (the middle of the first
pixel is 0, 0), as the field's code reads COCO's.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .pose import FACE, JOINTS, Pose, random_pose
from .scene import Instance, Mask
from .textures import PATTERNS, Image, Rng, pattern

Doubles = NDArray[np.float64]
LIMBS = ((5, 7), (7, 9), (6, 8), (8, 10), (11, 13), (13, 15), (12, 14), (14, 16))
HIDDEN, SEEN = 1, 2
SUBPIXEL_BITS = 4
LEAST_SEEN = 8  # joints of a figure, or it is drawn anew
TRIES = 20


@dataclass(frozen=True)
class FigureDomain:
    """What a picture of figures holds.

    Attributes:
        crowd: probability of a second figure in 128 x 128 pixels.
        heights: of a figure, the longer side of its joints' box, pixels.
    """

    tag: int = 2
    classes: tuple[str, ...] = ("person",)
    crowd: float = 0.35
    heights: tuple[float, float] = (56.0, 112.0)


FIGURES = FigureDomain()


def draw_figures(rng: Rng, image: Image) -> list[Instance]:
    """Draw figures and what hides parts of them over a square backdrop (size, size, 3), in place.

    Returns the figures from back to front; those of which next to nothing shows are left out, but
    for the foremost one where it is the only one.
    """
    size = len(image)
    wanted = max(1, round((1 + (rng.random() < FIGURES.crowd)) * (size / 128) ** 2))
    labels = np.zeros((size, size), np.int16)
    placed: list[tuple[Pose, NDArray[np.float32]]] = []
    for index in range(1, wanted + 1):
        pose, joints, unit = _placed(rng, size)
        layer, cover = _painted(rng, pose, joints, unit, size)
        weight = cover.astype(np.float32)[:, :, None] / 255
        image += layer - image * weight
        labels[cover > 127] = index
        placed.append((pose, joints.astype(np.float32)))
    if rng.random() < 0.3:
        labels[_obstacle(rng, image)] = 0
    found = [_instance(*each, labels == index) for index, each in enumerate(placed, 1)]
    return [each for each in found if _joints_seen(each) >= LEAST_SEEN // 2] or found[-1:]


def _placed(rng: Rng, size: int) -> tuple[Pose, Doubles, float]:
    """A pose, its joints in pixels and the length of a body unit; most of it is in the image."""
    for _ in range(TRIES):
        pose = random_pose(rng)
        extent = np.vstack([pose.joints, pose.head + pose.radius, pose.head - pose.radius])
        least, most = extent.min(0), extent.max(0)
        unit = float(rng.uniform(*FIGURES.heights) / max(most - least))
        reach = np.minimum(0.42 * unit * (most - least), size / 2)
        centre = rng.uniform(reach, size - reach)
        shift = centre - unit * (least + most) / 2
        joints = pose.joints * unit + shift
        if ((joints >= 0) & (joints < size)).all(1).sum() >= LEAST_SEEN:
            break
    return pose._replace(head=pose.head * unit + shift), joints, unit


def _painted(
    rng: Rng, pose: Pose, joints: Doubles, unit: float, size: int
) -> tuple[Image, NDArray[np.uint8]]:
    """A figure as colours (size, size, 3) times coverage, and its coverage (size, size) uint8."""
    layer = np.zeros((size, size, 3), np.uint8)
    cover = np.zeros((size, size), np.uint8)
    brush = _Brush(layer, cover)
    thick = unit * float(rng.choice([rng.uniform(0.1, 0.16), rng.uniform(0.16, 0.3)]))
    base = rng.uniform(0, 255, (4, 3))
    own = rng.uniform(0, 255, (len(LIMBS), 3)) if rng.random() < 0.4 else None
    behind = rng.random(4) < 0.3  # limbs that the trunk hides
    for first in (True, False):
        for limb, (start, end) in enumerate(LIMBS):
            if behind[limb // 2] == first:
                colour = own[limb] if own is not None else base[limb // 4] + 18 * (limb % 2)
                brush.line(joints[start], joints[end], colour, thick * (0.85 if limb % 2 else 1))
        if first:
            brush.trunk(joints, base[2], thick, filled=bool(rng.random() < 0.7))
    _head(rng, brush, pose, joints, unit, base[3])
    if rng.random() < 0.4:
        dot = rng.uniform(0, 255, 3)
        for joint in joints[5:]:
            brush.dot(joint, dot, 0.35 * thick)
    kind = PATTERNS[int(rng.integers(len(PATTERNS)))]
    shade = 1 - pattern(rng, size, size, kind) * np.float32(rng.uniform(0, 0.35))
    return layer * shade[:, :, None], cover


def _head(rng: Rng, brush: _Brush, pose: Pose, joints: Doubles, unit: float, skin: Doubles) -> None:
    """Neck, ears, head and the face that goes with it; from behind, hair."""
    radius = pose.radius * unit
    brush.line(joints[5:7].mean(0), pose.head, skin, 0.16 * unit)
    for ear in joints[3:5]:
        brush.dot(ear, skin * 0.75, 0.3 * radius)
    brush.dot(pose.head, skin, radius)
    if pose.behind:
        brush.dot(pose.head, rng.uniform(0, 255, 3), 0.85 * radius)
        return
    dark = 0.0 if skin.mean() > 110 else 255.0
    for eye in joints[1:3]:
        brush.dot(eye, np.full(3, dark), max(0.18 * radius, 0.7))
    nose = np.array([dark * 0.3, dark * 0.3, 255.0]) if rng.random() < 0.5 else skin * 0.6
    brush.dot(joints[0], nose, max(0.2 * radius, 0.7))


@dataclass
class _Brush:
    """Anti-aliased strokes on a layer of colours and on its coverage alike."""

    layer: NDArray[np.uint8]
    cover: NDArray[np.uint8]

    def line(self, start: Doubles, end: Doubles, colour: Doubles, width: float) -> None:
        ends = _fixed(start), _fixed(end)
        for canvas, ink in self._inks(colour):
            cv2.line(canvas, *ends, ink, max(1, round(width)), cv2.LINE_AA, SUBPIXEL_BITS)

    def dot(self, centre: Doubles, colour: Doubles, radius: float) -> None:
        reach = max(1, round(radius * (1 << SUBPIXEL_BITS)))
        for canvas, ink in self._inks(colour):
            cv2.circle(canvas, _fixed(centre), reach, ink, -1, cv2.LINE_AA, SUBPIXEL_BITS)

    def trunk(self, joints: Doubles, colour: Doubles, thick: float, filled: bool) -> None:
        """Shoulders and hips: a filled body, or a spine with two bars."""
        if filled:
            around = np.array([_fixed(joints[i]) for i in (5, 6, 12, 11)], np.int32)
            for canvas, ink in self._inks(colour):
                cv2.fillPoly(canvas, [around], ink, cv2.LINE_AA, SUBPIXEL_BITS)
        else:
            self.line(joints[5:7].mean(0), joints[11:13].mean(0), colour, thick)
        for first in (5, 11):
            self.line(joints[first], joints[first + 1], colour, thick)

    def _inks(self, colour: Doubles) -> tuple[tuple[NDArray[np.uint8], tuple[float, ...]], ...]:
        inks = np.clip(colour, 0, 255).tolist()
        return (self.layer, tuple(inks)), (self.cover, (255.0,))


def _fixed(point: Doubles) -> tuple[int, int]:
    x, y = np.rint(point * (1 << SUBPIXEL_BITS)).astype(int).tolist()
    return x, y


def _obstacle(rng: Rng, image: Image) -> Mask:
    """A bar or a disc in front of everything; returns what it covers."""
    size = len(image)
    mask = np.zeros((size, size), np.uint8)
    if rng.random() < 0.5:
        ends = rng.integers(0, size, 4).tolist()
        cv2.line(mask, ends[:2], ends[2:], 1, int(rng.integers(4, 13)), cv2.LINE_8)
    else:
        centre = rng.integers(0, size, 2).tolist()
        cv2.circle(mask, centre, int(rng.integers(6, 19)), 1, -1, cv2.LINE_8)
    covered = mask.astype(bool)
    image[covered] = rng.uniform(0, 255, 3)
    return covered


def _instance(pose: Pose, joints: NDArray[np.float32], mask: Mask) -> Instance:
    """A figure with what can be seen of it."""
    size = len(mask)
    pixel = np.rint(joints).astype(int)
    inside = ((pixel >= 0) & (pixel < size)).all(1)
    x, y = pixel.clip(0, size - 1).T
    visibility = np.where(mask[y, x], SEEN, HIDDEN) * inside
    if pose.behind:
        visibility[list(FACE)] = 0
    keypoints = np.zeros((len(JOINTS), 3), np.float32)
    labelled = visibility > 0
    keypoints[labelled, :2], keypoints[:, 2] = joints[labelled], visibility
    hull = cv2.convexHull(joints[inside])[:, 0].astype(np.float32)
    return Instance(0, hull, mask, keypoints)


def _joints_seen(instance: Instance) -> int:
    assert instance.keypoints is not None
    return int((instance.keypoints[:, 2] == SEEN).sum())
