"""Training targets for drawn scenes, of E2EC (Zhang et al., CVPR 2022) and Deep Snake.

Centre heatmap with gaussians whose radius keeps a box IoU of 0.7 (CornerNet, Law & Deng 2018), a
contour of P points a visible instance in input pixels, ordered by E2EC's multi-direction alignment
(section 3.3) or evenly spaced for Deep Snake, and the key points that E2EC's dynamic matching loss
holds on to (3.4).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from surgery.scenes import Scene

Array = NDArray[np.float32]
ContourOf = Callable[[Array, int], Array]  # an outline (m, 2) and a number of points
STRIDE = 4


class Targets(NamedTuple):
    """Arrays of one scene: n instances, P contour points, C classes."""

    heatmap: Array  # (C, H/4, W/4), 1 at centres
    centres: NDArray[np.int64]  # (n, 2) x, y, feature pixels
    contours: Array  # (n, P, 2), input pixels
    keys: NDArray[np.bool_]  # (n, P)


def visible_contour(mask: NDArray[np.bool_]) -> Array | None:
    """Outline (m, 2) of the largest visible part in continuous pixels; None where it is tiny.

    Traced at twice the resolution, smoothed over four half-pixel steps, which takes the staircase
    away, and moved outwards by the quarter pixel that tracing pixel centres runs inside the border.
    """
    x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
    if width < 3 or height < 3:
        return None
    cut = mask[y : y + height, x : x + width].view(np.uint8)
    double = cv2.resize(cut, (2 * width, 2 * height), interpolation=cv2.INTER_NEAREST)
    parts, _ = cv2.findContours(double, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    largest = max(parts, key=cv2.contourArea)[:, 0].astype(np.float32)
    if len(largest) < 16:
        return None
    smooth = sum(np.roll(largest, shift, axis=0) for shift in (-2, -1, 0, 1, 2)) / 5
    tangent = np.roll(smooth, -3, axis=0) - np.roll(smooth, 3, axis=0)
    normal = tangent[:, ::-1] * np.array([-1, 1], np.float32)
    normal /= np.sqrt((normal**2).sum(1, keepdims=True)) + 1e-6
    outline: Array = (smooth + 0.5 + 0.5 * normal) / 2 + np.array([x, y], np.float32)
    return outline


def oriented(outline: Array) -> Array:
    """The outline run counter-clockwise as seen: from the top to the left to the bottom."""
    x, y = outline.T
    ahead = np.roll(outline, -1, axis=0)
    if np.sum(x * ahead[:, 1] - ahead[:, 0] * y) > 0:
        outline = outline[::-1]
    return outline


def arc_lengths(outline: Array) -> NDArray[np.float64]:
    """Where each vertex of a closed outline (m, 2) lies along it, and its length: (m + 1,)."""
    steps = np.diff(outline, axis=0, append=outline[:1])
    return np.concatenate([[0.0], np.cumsum(np.sqrt((steps**2).sum(1)))])


def points_at(outline: Array, arc: NDArray[np.float64], wanted: NDArray[np.float64]) -> Array:
    """Points (n, 2) of a closed outline (m, 2) at the arc lengths `wanted` (n,)."""
    closed = np.concatenate([outline, outline[:1]])
    points = [np.interp(wanted, arc, closed[:, axis]) for axis in (0, 1)]
    return np.stack(points, axis=1).astype(np.float32)


def even_contour(outline: Array, count: int) -> Array:
    """`count` points in even arcs, counter-clockwise as seen."""
    outline = oriented(outline)
    arc = arc_lengths(outline)
    return points_at(outline, arc, arc[-1] * np.arange(count) / count)


def aligned_contour(outline: Array, count: int) -> Array:
    """Resample to `count` points: bottom, right, top, left first, then even arcs in between.

    The four anchors are where rays from the box centre leave the outline; where a concave
    outline has them out of order, the points are spread evenly from the bottom anchor on.
    """
    outline = oriented(outline)
    centre = (outline.min(0) + outline.max(0)) / 2
    ray = outline - centre
    reach = np.sqrt((ray**2).sum(1)) + 1e-6
    along = ray / reach[:, None]
    bonus = 0.004 * reach / reach.max()
    anchors = [
        int(np.argmax(score + bonus))
        for score in (along[:, 1], along[:, 0], -along[:, 1], -along[:, 0])
    ]
    outline = np.roll(outline, -anchors[0], axis=0)
    starts = [(anchor - anchors[0]) % len(outline) for anchor in anchors]
    if starts != sorted(set(starts)):
        return even_contour(outline, count)
    arc = arc_lengths(outline)
    bounds = [*arc[starts], arc[-1]]
    quarter = np.arange(count // 4) / (count // 4)
    wanted = np.concatenate([a + (b - a) * quarter for a, b in pairwise(bounds)])
    return points_at(outline, arc, wanted)


def key_points(contour: Array, tolerance: float = 1.0) -> NDArray[np.bool_]:
    """Which points a Douglas-Peucker simplification within `tolerance` pixels keeps."""
    kept = cv2.approxPolyDP(contour[:, None], tolerance, closed=True)[:, 0]
    keys: NDArray[np.bool_] = (contour[:, None] == kept[None]).all(2).any(1)
    return keys


def gaussian_radius(height: float, width: float, overlap: float = 0.7) -> float:
    """Largest shift of a box's corners that keeps the given IoU with the box (CornerNet)."""
    total, area = height + width, height * width
    shifted = total - math.sqrt(max(total**2 - 4 * area * (1 - overlap) / (1 + overlap), 0))
    inner = 2 * total - math.sqrt(max(4 * total**2 - 16 * (1 - overlap) * area, 0))
    outer = math.sqrt(4 * overlap**2 * total**2 + 16 * overlap * (1 - overlap) * area)
    return min(shifted / 2, inner / 8, (outer - 2 * overlap * total) / (8 * overlap))


def splat(heatmap: Array, x: int, y: int, radius: int) -> None:
    """Raise a (h, w) map to a gaussian of that radius around (x, y), in place."""
    height, width = heatmap.shape
    dx = np.arange(max(0, x - radius), min(width, x + radius + 1)) - x
    dy = np.arange(max(0, y - radius), min(height, y + radius + 1)) - y
    sigma = (2 * radius + 1) / 6
    bump = np.exp(-(dx[None, :] ** 2 + dy[:, None] ** 2) / (2 * sigma**2)).astype(np.float32)
    window = heatmap[y + dy[0] : y + dy[-1] + 1, x + dx[0] : x + dx[-1] + 1]
    np.maximum(window, bump, out=window)


def scene_targets(
    scene: Scene, classes: int, points: int, contour_of: ContourOf = aligned_contour
) -> Targets:
    """Targets of one scene; instances whose visible part is tiny are left out."""
    height, width = (side // STRIDE for side in scene.image.shape[:2])
    heatmap = np.zeros((classes, height, width), np.float32)
    centres, contours, keys = [], [], []
    for instance in scene.instances:
        outline = visible_contour(instance.mask)
        if outline is None:
            continue
        low, high = outline.min(0) / STRIDE, outline.max(0) / STRIDE
        x, y = np.clip(np.rint((low + high) / 2).astype(int), 0, (width - 1, height - 1)).tolist()
        box = np.ceil(high - low)
        splat(heatmap[instance.label], x, y, max(0, int(gaussian_radius(box[1], box[0]))))
        contour = contour_of(outline, points)
        centres.append((x, y))
        contours.append(contour)
        keys.append(key_points(contour))
    return Targets(
        heatmap,
        np.array(centres, np.int64).reshape(-1, 2),
        np.array(contours, np.float32).reshape(-1, points, 2),
        np.array(keys, np.bool_).reshape(-1, points),
    )
