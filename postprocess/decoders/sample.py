"""Bilinear samples of a feature map at contour points.

The feature lookup of e2ec and Deep Snake (`get_gcn_feature` in both repositories): a point in
feature pixels is divided by (w / 2, h / 2), less 1, and given to grid_sample with zeros outside.
Written out, that reads the pixel grid at x - 1/2 with align_corners=False, and at x * (w - 1) / w
with align_corners=True, the behaviour of torch 1.1 which Deep Snake was published with.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..instances import Array
from ._arrays import as_float32, as_points
from ._backend import Backend, native


def sample(
    feature: ArrayLike,
    points: ArrayLike,
    align_corners: bool = False,
    backend: Backend = "cpp",
) -> Array:
    """Sample every channel of a feature map at points.

    Args:
        feature: (C,H,W) floating point, any strides.
        points: (P,2) or (...,2) x, y in feature pixels, as the authors' networks give them.
        align_corners: grid_sample's flag.
        backend: "cpp", or "numpy" for the reference.

    Returns:
        (P,C), or (...,C), float32. Taps outside of the map count as 0, so that points a pixel or
        more away from it, and points that are NaN or infinite, give 0.

    Raises:
        InputError: wrong dtype or shape.
        ImportError: backend "cpp" and no compiled extension.
    """
    maps = as_float32(feature, "feature", {3: "(C,H,W)"})
    places = as_points(points, "points", "(P,2)")
    flat = places.reshape(-1, 2)
    library = native(backend)
    if library is None:
        values = _sample(maps, flat, align_corners)
    else:
        values = library.sample(maps, flat, bool(align_corners))
    return values.reshape(*places.shape[:-1], maps.shape[0])


def _sample(feature: Array, points: Array, align_corners: bool) -> Array:
    channels, height, width = feature.shape
    values = np.zeros((len(points), channels), np.float32)
    if feature.size == 0:
        return values
    x = _source(points[:, 0], width, align_corners)
    y = _source(points[:, 1], height, align_corners)
    near = np.flatnonzero((x > -1) & (x < width) & (y > -1) & (y < height))
    x, y = x[near], y[near]
    left, top = np.floor(x), np.floor(y)
    right_weight, bottom_weight = x - left, y - top
    left_weight, top_weight = np.float32(1) - right_weight, np.float32(1) - bottom_weight
    column, row = left.astype(np.int64), top.astype(np.int64)
    taps = (
        (column, row, left_weight * top_weight),
        (column + 1, row, right_weight * top_weight),
        (column, row + 1, left_weight * bottom_weight),
        (column + 1, row + 1, right_weight * bottom_weight),
    )
    total = np.zeros((channels, len(near)), np.float32)
    for tap_x, tap_y, weight in taps:
        inside = (tap_x >= 0) & (tap_x < width) & (tap_y >= 0) & (tap_y < height)
        tap = feature[:, tap_y.clip(0, height - 1), tap_x.clip(0, width - 1)]
        with np.errstate(invalid="ignore", over="ignore"):  # features may hold infinities
            total += np.where(inside, tap * weight, np.float32(0))
    values[near] = total.T
    return values


def _source(coordinate: Array, size: int, align_corners: bool) -> Array:
    """Position on the pixel grid, where grid_sample reads (pixel centres at whole numbers)."""
    if not align_corners:
        return coordinate - np.float32(0.5)
    with np.errstate(invalid="ignore"):  # an infinite coordinate on a map one pixel wide
        return coordinate * np.float32((size - 1) / size)
