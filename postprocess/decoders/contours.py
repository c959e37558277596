"""Arithmetic of closed contours between the networks of e2ec and Deep Snake.

Contours are (n,P,2) float32, x before y. The steps are those of e2ec's paper (Zhang et al., CVPR
2022, section 3) as its repository orders them: start from the centre and clip to the map
(network/detector_decode/utils.py), go to the origin before an evolution (network/evolve/utils.py).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from ..instances import Array
from ._arrays import as_count, as_float32, as_points
from ._backend import Backend, native


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


def contours_at(
    offsets: ArrayLike,
    xs: NDArray[np.int64],
    ys: NDArray[np.int64],
    stride: float,
    backend: Backend = "cpp",
) -> Array:
    """`initial_contours` of peaks, read from the network's map and clipped to it.

    Args:
        offsets: (2P,H,W) as the network gives them, x and y alternating.
        xs: (n,) columns of the peaks.
        ys: (n,) rows of the peaks.
        stride: feature pixels of one unit of offset.
        backend: "cpp", or "numpy" for the reference.

    Returns:
        (n,P,2) float32, feature pixels.

    Raises:
        InputError: wrong dtype or shape.
        ImportError: backend "cpp" and no compiled extension.
    """
    maps = as_float32(offsets, "offsets", {3: "(2P,H,W)"})
    if len(maps) % 2:
        raise InputError(f"offsets expects (2P,H,W), got {maps.shape}")
    library = native(backend, "initial_contours")
    if library is not None:
        return library.initial_contours(maps[None], xs, ys, stride)  # type: ignore[no-any-return]
    centres = np.stack([xs, ys], axis=1).astype(np.float32)
    started = initial_contours(centres, maps[:, ys, xs].T, stride)
    return clip_contours(started, maps.shape[1], maps.shape[2], backend)


def clip_contours(contours: ArrayLike, height: int, width: int, backend: Backend = "cpp") -> Array:
    """Clip (n,P,2) points to [0, width - 1] x [0, height - 1]; returns a new array."""
    points = as_points(contours, "contours", "(n,P,2)")
    height, width = as_count(height, "height", 0), as_count(width, "width", 0)
    library = native(backend, "clip_points")
    if library is not None and points.ndim == 3:
        return library.clip_points(points, height, width)  # type: ignore[no-any-return]
    most = np.asarray([width - 1, height - 1], np.float32)
    clipped: Array = np.minimum(np.maximum(points, np.float32(0)), most)
    return clipped


def canonical_contours(contours: ArrayLike, backend: Backend = "cpp") -> Array:
    """Move each of (n,P,2) contours so that its least x and y are 0; returns a new array."""
    points = as_float32(contours, "contours", {3: "(n,P,2)"})
    if points.shape[2] != 2:
        raise InputError(f"contours expects (n,P,2), got {points.shape}")
    library = native(backend, "canonical_contours")
    if library is not None:
        return library.canonical_contours(points)  # type: ignore[no-any-return]
    if points.size == 0:
        return points.copy()
    least: Array = points.min(axis=1, keepdims=True)
    return points - least


def contour_boxes(contours: ArrayLike, backend: Backend = "cpp") -> Array:
    """Boxes (n,4) x1, y1, x2, y2 around (n,P,2) contours.

    Raises:
        InputError: wrong dtype or rank, or contours without points.
        ImportError: backend "cpp" and no compiled extension.
    """
    points = as_float32(contours, "contours", {3: "(n,P,2)"})
    if points.shape[1:] != (points.shape[1], 2) or points.shape[1] == 0:
        raise InputError(f"contours expects (n,P,2) with P of at least 1, got {points.shape}")
    library = native(backend, "contour_boxes")
    if library is not None:
        return library.contour_boxes(points)  # type: ignore[no-any-return]
    if len(points) == 0:
        return np.zeros((0, 4), np.float32)
    return np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1)
