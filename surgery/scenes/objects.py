"""Objects placed on a scene: where they go, what of them stays visible, how they are painted.

Outlines are in continuous image coordinates as COCO's polygons are: pixel (i, j) covers
[j, j + 1] x [i, i + 1], so its centre is at j + 0.5, i + 0.5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from .outlines import Points
from .textures import Image, Rng, blend, pattern

SUPERSAMPLE = 4
MIN_VISIBLE = 0.6


@dataclass(frozen=True)
class Patch:
    """An object's coverage (h, w) float32 in [0, 1] with its top left pixel and its full area."""

    x: int
    y: int
    coverage: Image
    area: float

    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the image that the patch covers."""
        height, width = self.coverage.shape
        return slice(self.y, self.y + height), slice(self.x, self.x + width)


class Sizes(NamedTuple):
    """Object diameters in pixels and the smallest ratio of the short axis to the long one."""

    smallest: float
    largest: float
    aspect: float


def transform(rng: Rng, unit: Points, sizes: Sizes, size: int) -> Points:
    """Deform, stretch, turn and place a unit outline in an image of `size` x `size` pixels."""
    angle = np.arctan2(unit[:, 1], unit[:, 0])
    bend = np.ones(len(unit))
    for order in (2, 3):
        bend += rng.normal(0, 0.035) * np.cos(order * angle + rng.uniform(0, 2 * np.pi))
    radius = 0.5 * np.exp(rng.uniform(np.log(sizes.smallest), np.log(sizes.largest)))
    stretch = np.array([1.0, rng.uniform(sizes.aspect, 1.0)])
    first, second = rng.uniform(0, 2 * np.pi, 2)
    points = unit * bend[:, None] @ _rotation(first) * (radius * stretch) @ _rotation(second)
    low, high = points.min(0), points.max(0)
    reach = np.minimum(0.4 * (high - low), size / 2)
    centre = rng.uniform(reach, size - reach)
    placed: Points = (points - (low + high) / 2 + centre).astype(np.float32)
    return placed


def _rotation(angle: float) -> NDArray[np.float64]:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, s], [-s, c]])


def rasterise(outline: Points, size: int) -> Patch | None:
    """Anti-aliased coverage of an outline, cut to the image; None where nothing is inside."""
    low = np.maximum(np.floor(outline.min(0)).astype(int), 0)
    high = np.minimum(np.ceil(outline.max(0)).astype(int), size)
    width, height = (high - low).tolist()
    if width < 2 or height < 2:
        return None
    canvas = np.zeros((height * SUPERSAMPLE, width * SUPERSAMPLE), np.uint8)
    points = (outline - low) * SUPERSAMPLE - 0.5
    cv2.fillPoly(canvas, [np.rint(points * 16).astype(np.int32)], 255, cv2.LINE_8, 4)
    coverage = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA)
    area = float(abs(cv2.contourArea(outline)))
    return Patch(int(low[0]), int(low[1]), coverage.astype(np.float32) * np.float32(1 / 255), area)


def admit(labels: NDArray[np.int16], areas: list[float], patch: Patch) -> bool:
    """Write the object into the label map (0 is background) if it and all before stay visible."""
    rows, columns = patch.window()
    inside = patch.coverage >= 0.5
    if inside.sum() < MIN_VISIBLE * patch.area:
        return False
    under = np.bincount(labels[rows, columns][inside], minlength=len(areas) + 1)
    for index, area in enumerate(areas, 1):
        if under[index] and (labels == index).sum() - under[index] < MIN_VISIBLE * area:
            return False
    areas.append(patch.area)
    labels[rows, columns][inside] = len(areas)
    return True


def paint(rng: Rng, image: Image, patch: Patch, kinds: tuple[str, ...], colours: Image) -> None:
    """Fill an object with a texture of two colours, shade it and darken or lighten its rim."""
    rows, columns = patch.window()
    height, width = patch.coverage.shape
    kind = kinds[int(rng.integers(len(kinds)))]
    fill = blend(pattern(rng, height, width, kind), colours[0], colours[1])
    shade = pattern(rng, height, width, "gradient") * np.float32(rng.uniform(0, 0.35))
    fill *= (1 - shade)[:, :, None]
    if rng.random() < 0.4:
        inner = cv2.GaussianBlur(patch.coverage, (0, 0), rng.uniform(0.8, 2.0))
        rim = np.clip(1 - inner, 0, 1)[:, :, None] * np.float32(rng.choice([-1.2, 0.9]))
        fill *= 1 + rim * np.float32(0.8)
    alpha = patch.coverage[:, :, None]
    image[rows, columns] += alpha * (np.clip(fill, 0, 255) - image[rows, columns])
