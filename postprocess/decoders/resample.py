"""Points along a closed polygon, shared out by edge length.

Deep Snake's upsampling of its diamond and octagon (`uniform_upsample` and `calculate_edge_num` in
github.com/zju3dv/snake): an edge gets round(length * count / perimeter) points, at least its own
start. Points left over go to the edge that has most; missing ones are taken from the edges that
have most, down to one each. What that code leaves open is settled here:

- ties go to the earlier edge;
- a polygon without a finite perimeter above 0 (one point, all points alike, NaN, infinities) gives
  every edge one point and the first edge the remainder;
- with more vertices than points, the starts of the longest edges stay, in their order (the
  repository's `uniformsample` for training polygons).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from ..instances import Array
from ._arrays import as_count, as_points
from ._backend import Backend, native


def resample(polygon: ArrayLike, count: int, backend: Backend = "cpp") -> Array:
    """Spread `count` points over the edges of a closed polygon, starting at its first vertex.

    Args:
        polygon: (m,2) or (...,m,2) vertices in any one unit, the last joined to the first.
        count: points to return.
        backend: "cpp", or "numpy" for the reference.

    Returns:
        (count,2) or (...,count,2) float32.

    Raises:
        InputError: wrong dtype or shape, no vertex, or a count below 1.
        ImportError: backend "cpp" and no compiled extension.
    """
    vertices = as_points(polygon, "polygon", "(m,2)")
    if vertices.ndim < 2 or vertices.shape[-2] == 0:
        raise InputError(f"polygon expects (m,2) with at least one vertex, got {vertices.shape}")
    count = as_count(count, "count", 1)
    flat = vertices.reshape(-1, *vertices.shape[-2:])
    library = native(backend)
    if library is None:
        points = np.empty((len(flat), count, 2), np.float32)
        for index, one in enumerate(flat):
            points[index] = _resample(one, count)
    else:
        points = library.resample(flat, count)
    return points.reshape(*vertices.shape[:-2], count, 2)


def _resample(polygon: Array, count: int) -> Array:
    following = np.roll(polygon, -1, axis=0)
    with np.errstate(invalid="ignore", over="ignore"):
        edges = following - polygon
        lengths = np.sqrt(edges[:, 0] * edges[:, 0] + edges[:, 1] * edges[:, 1])
    if len(polygon) > count:
        longest = np.argsort(-lengths, kind="stable")[:count]
        return polygon[np.sort(longest)]
    shares = _shares(lengths, count)
    starts = np.cumsum(shares) - shares
    edge = np.repeat(np.arange(len(polygon)), shares)
    step: Array = (np.arange(count) - starts[edge]).astype(np.float32)
    share: Array = shares[edge].astype(np.float32)
    weight: Array = np.divide(step, share)[:, None]
    start, end = polygon[edge], following[edge]
    with np.errstate(invalid="ignore", over="ignore"):
        points: Array = start * (np.float32(1) - weight) + end * weight
    return points


def _shares(lengths: Array, count: int) -> NDArray[np.int64]:
    """Number of points of each edge; they sum to `count`, which is at least the number of edges."""
    shares = np.ones(len(lengths), np.int64)
    with np.errstate(invalid="ignore", over="ignore"):
        perimeter = np.cumsum(lengths)[-1]  # summed in order, so that C++ gets the same float32
    if 0 < perimeter < np.inf:
        with np.errstate(over="ignore"):
            wanted = np.minimum(lengths * np.float32(count) / perimeter, np.float32(count))
        shares = np.maximum(np.rint(wanted).astype(np.int64), 1)
    surplus = int(shares.sum()) - count
    by_share = np.argsort(-shares, kind="stable")
    if surplus < 0:
        shares[by_share[0]] -= surplus
        return shares
    for edge in by_share:
        taken = min(surplus, int(shares[edge]) - 1)
        shares[edge] -= taken
        surplus -= taken
    return shares
