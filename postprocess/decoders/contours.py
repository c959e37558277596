"""Arithmetic of closed contours between the networks of e2ec and Deep Snake.

Contours are (n,P,2) float32, x before y. The steps are those of e2ec's paper (Zhang et al., CVPR
2022, section 3) as its repository orders them: start from the centre and clip to the map
(network/detector_decode/utils.py), go to the origin before an evolution (network/evolve/utils.py).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..errors import InputError
from ..instances import Array
from ._arrays import as_float32, as_points


def initial_contours(centres: ArrayLike, offsets: ArrayLike, stride: float) -> Array:
    """Contour around each centre: centre + offset * stride.

    Args:
        centres: (n,2) feature pixels.
        offsets: (n,P,2) or (n,2P) as the network gives them, x and y alternating.
        stride: feature pixels of one unit of offset.

    Returns:
        (n,P,2) float32, feature pixels.

    Raises:
        InputError: wrong dtype, or shapes that do not fit together.
    """
    middle = as_points(centres, "centres", "(n,2)")
    moves = as_float32(offsets, "offsets", {2: "(n,2P)", 3: "(n,P,2)"})
    per_contour = int(np.prod(moves.shape[1:]))
    if middle.ndim != 2 or len(moves) != len(middle) or per_contour % 2:
        raise InputError(
            f"offsets expects ({len(middle)},P,2) for centres {middle.shape}, got {moves.shape}"
        )
    return middle[:, None, :] + moves.reshape(len(moves), per_contour // 2, 2) * np.float32(stride)


def clip_contours(contours: ArrayLike, height: int, width: int) -> Array:
    """Clip (n,P,2) points to [0, width - 1] x [0, height - 1]; returns a new array."""
    points = as_points(contours, "contours", "(n,P,2)")
    most = np.asarray([width - 1, height - 1], np.float32)
    clipped: Array = np.minimum(np.maximum(points, np.float32(0)), most)
    return clipped


def canonical_contours(contours: ArrayLike) -> Array:
    """Move each of (n,P,2) contours so that its least x and y are 0; returns a new array."""
    points = as_float32(contours, "contours", {3: "(n,P,2)"})
    if points.size == 0:
        return points.copy()
    least: Array = points.min(axis=1, keepdims=True)
    return points - least


def contour_boxes(contours: ArrayLike) -> Array:
    """Boxes (n,4) x1, y1, x2, y2 around (n,P,2) contours.

    Raises:
        InputError: wrong dtype or rank, or contours without points.
    """
    points = as_float32(contours, "contours", {3: "(n,P,2)"})
    if points.shape[1:] != (points.shape[1], 2) or points.shape[1] == 0:
        raise InputError(f"contours expects (n,P,2) with P of at least 1, got {points.shape}")
    if len(points) == 0:
        return np.zeros((0, 4), np.float32)
    return np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1)
