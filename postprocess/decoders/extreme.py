"""Boxes, diamonds and octagons: where Deep Snake's contours start.

Peng et al., "Deep Snake for Real-Time Instance Segmentation" (CVPR 2020), section 3.2; the octagon
is that of Zhou et al., "Bottom-up Object Detection by Grouping Extreme and Center Points" (CVPR
2019), section 4.4. Everything is in one unit, x before y; polygons run top, left, bottom, right.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..errors import InputError
from ..instances import Array
from ._arrays import as_float32, as_points
from ._backend import Backend, native

OCTAGON_SIDE = np.float32(8)  # an octagon's side reaches this fraction of the box from its middle


def diamonds(boxes: ArrayLike, backend: Backend = "cpp") -> Array:
    """Midpoints of the edges of boxes.

    Args:
        boxes: (n,4) x1, y1, x2, y2.
        backend: "cpp", or "numpy" for the reference.

    Returns:
        (n,4,2) float32: top, left, bottom, right.

    Raises:
        InputError: wrong dtype or shape.
        ImportError: backend "cpp" and no compiled extension.
    """
    corners = as_float32(boxes, "boxes", {2: "(n,4)"})
    if corners.shape[1] != 4:
        raise InputError(f"boxes expects (n,4), got {corners.shape}")
    library = native(backend, "diamonds")
    if library is not None:
        return library.diamonds(corners)  # type: ignore[no-any-return]
    left, top, right, bottom = corners.T
    x, y = (left + right) / np.float32(2), (top + bottom) / np.float32(2)
    return np.stack([x, top, left, y, x, bottom, right, y], axis=1).reshape(-1, 4, 2)


def octagons(extreme: ArrayLike, backend: Backend = "cpp") -> Array:
    """Octagons through extreme points.

    Each extreme point is the middle of a side that reaches an eighth of the width or height to
    either hand and stops at the corner of the box; the extreme points are vertices as well.

    Args:
        extreme: (n,4,2) top, left, bottom, right.
        backend: "cpp", or "numpy" for the reference.

    Returns:
        (n,12,2) float32, the first vertex being the top.

    Raises:
        InputError: wrong dtype or shape.
        ImportError: backend "cpp" and no compiled extension.
    """
    points = as_points(extreme, "extreme points", "(n,4,2)")
    if points.ndim != 3 or points.shape[1] != 4:
        raise InputError(f"extreme points expects (n,4,2), got {points.shape}")
    library = native(backend, "octagons")
    if library is not None:
        return library.octagons(points)  # type: ignore[no-any-return]
    top_x, left, bottom_x, right = points[:, :, 0].T
    top, left_y, bottom, right_y = points[:, :, 1].T
    across, down = (right - left) / OCTAGON_SIDE, (bottom - top) / OCTAGON_SIDE
    vertices = (
        (top_x, top),
        (np.maximum(top_x - across, left), top),
        (left, np.maximum(left_y - down, top)),
        (left, left_y),
        (left, np.minimum(left_y + down, bottom)),
        (np.maximum(bottom_x - across, left), bottom),
        (bottom_x, bottom),
        (np.minimum(bottom_x + across, right), bottom),
        (right, np.minimum(right_y + down, bottom)),
        (right, right_y),
        (right, np.maximum(right_y - down, top)),
        (np.minimum(top_x + across, right), top),
    )
    return np.stack([np.stack(vertex, axis=1) for vertex in vertices], axis=1)
