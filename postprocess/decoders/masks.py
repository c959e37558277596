"""Masks and COCO run lengths of contours, as pycocotools draws polygons.

A polygon's boundary is walked on a grid of fifths of a pixel, and each time it passes the middle of
a column of pixels, everything below in that column changes between outside and inside (`rleFrPoly`
of github.com/cocodataset/cocoapi, common/maskApi.c). Coordinates are continuous: pixel i covers i
to i + 1. Contours that cross themselves are filled by the even-odd rule.

Settled here: a repeated vertex adds nothing; coordinates are clamped to +-1e8 pixels; a contour
that holds a NaN is empty.

A run-length encoding goes down the columns, one column after the other, and starts with the number
of pixels outside, which may be 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from ..instances import Array
from ._arrays import as_count, as_points
from ._backend import Backend, native

Runs = NDArray[np.uint32]
Doubles = NDArray[np.float64]

_SCALE = 5.0  # steps of the boundary's grid a pixel
_FARTHEST = 1e8  # pixels


def masks(
    contours: ArrayLike, height: int, width: int, backend: Backend = "cpp"
) -> NDArray[np.uint8]:
    """Fill contours.

    Args:
        contours: (n,P,2) closed polygons, x before y, pixels of the mask; P of at least 1.
        height: rows of a mask.
        width: columns of a mask.
        backend: "cpp", or "numpy" for the reference.

    Returns:
        (n,height,width) uint8, 1 inside.

    Raises:
        InputError: wrong dtype, shape or size.
        ImportError: backend "cpp" and no compiled extension.
    """
    polygons, height, width = _checked(contours, height, width)
    library = native(backend, "masks")
    if library is not None:
        return library.masks(polygons, height, width)  # type: ignore[no-any-return]
    filled = np.zeros((len(polygons), height, width), np.uint8)
    for mask, polygon in zip(filled, polygons, strict=True):
        changes = np.bincount(_changes(polygon, height, width), minlength=height * width + 1)
        inside = np.cumsum(changes[: height * width]) % 2
        mask[:] = inside.reshape(width, height).T
    return filled


def run_lengths(
    contours: ArrayLike, height: int, width: int, backend: Backend = "cpp"
) -> list[Runs]:
    """COCO's uncompressed run lengths of contours, without drawing them.

    Args:
        contours: (n,P,2) closed polygons, x before y, pixels of the mask; P of at least 1.
        height: rows of a mask.
        width: columns of a mask.
        backend: "cpp", or "numpy" for the reference.

    Returns:
        For each contour, uint32 numbers of pixels outside, inside, outside, ..., down the columns.

    Raises:
        InputError: wrong dtype, shape or size.
        ImportError: backend "cpp" and no compiled extension.
    """
    polygons, height, width = _checked(contours, height, width)
    library = native(backend, "run_lengths")
    if library is not None:
        return library.run_lengths(polygons, height, width)  # type: ignore[no-any-return]
    runs = []
    for polygon in polygons:
        places, times = np.unique(_changes(polygon, height, width), return_counts=True)
        odd = places[(times % 2 == 1) & (places < height * width)]
        runs.append(np.diff(odd, prepend=0, append=height * width).astype(np.uint32))
    return runs


def rle_string(runs: ArrayLike, backend: Backend = "cpp") -> str:
    """COCO's compressed form of run lengths, `counts` in an annotation file.

    From the fourth run on, a run is written as its difference to the one before the last; then come
    five bits a character, lowest first, bit 6 saying that there are more, from "0" on.

    Args:
        runs: (m,) numbers of pixels.
        backend: "cpp", or "numpy" for the reference.

    Raises:
        ImportError: backend "cpp" and no compiled extension.
    """
    counts = np.asarray(runs, np.uint32)
    library = native(backend, "rle_string")
    if library is not None:
        return library.rle_string(counts)  # type: ignore[no-any-return]
    values = counts.astype(np.int64)
    values[3:] -= counts[1:-2].astype(np.int64)
    return "".join(_characters(int(value)) for value in values)


def _characters(value: int) -> str:
    text = ""
    while True:
        bits, value = value & 31, value >> 5
        more = value != (-1 if bits & 16 else 0)
        text += chr(48 + (bits | 32 if more else bits))
        if not more:
            return text


def _checked(contours: ArrayLike, height: int, width: int) -> tuple[Array, int, int]:
    polygons = as_points(contours, "contours", "(n,P,2)")
    if polygons.ndim == 2 and polygons.size == 0:
        polygons = polygons.reshape(0, 1, 2)
    if polygons.ndim != 3 or polygons.shape[1] == 0:
        raise InputError(f"contours expects (n,P,2) with P of at least 1, got {polygons.shape}")
    height, width = as_count(height, "height", 0), as_count(width, "width", 0)
    if height * width >= 2**32:
        raise InputError(f"a mask expects fewer than 2^32 pixels, got {height} x {width}")
    return polygons, height, width


def _changes(polygon: Array, height: int, width: int) -> NDArray[np.int64]:
    """Places, counted down the columns, from which on outside and inside change; unsorted."""
    if np.isnan(polygon).any():
        return np.zeros(0, np.int64)
    points = np.clip(polygon.astype(np.float64), -_FARTHEST, _FARTHEST)
    grid = np.trunc(_SCALE * points + 0.5)
    start, end = grid, np.roll(grid, -1, axis=0)
    sides = np.abs(end - start)
    flat = sides[:, 0] >= sides[:, 1]
    backwards = np.where(flat, start[:, 0] > end[:, 0], start[:, 1] > end[:, 1])[:, None]
    start, end = np.where(backwards, end, start), np.where(backwards, start, end)
    middles = (
        _SCALE * np.arange(width, dtype=np.float64) + 2
    )  # from here to the next step lies a column's middle
    low, high = np.minimum(start[:, 0], end[:, 0]), np.maximum(start[:, 0], end[:, 0])
    edge, column = np.nonzero((low[:, None] <= middles) & (middles + 1 <= high[:, None]))
    corner: Doubles = start[edge].T
    way: Doubles = (end - start)[edge].T
    middle = middles[column].astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):  # of two forms one holds
        upper = (_above_flat(corner, way, middle), _above_steep(corner, way, middle))
    y = np.where(flat[edge], *upper)
    row = np.ceil(np.clip((y + 0.5) / _SCALE - 0.5, 0, height))
    places: NDArray[np.int64] = column * height + row.astype(np.int64)
    return places


def _above_flat(start: Doubles, way: Doubles, middle: Doubles) -> Doubles:
    """The upper one of the two steps around a column's middle, of an edge that walks right."""
    rise = way[1] / way[0]
    before, after = (np.trunc(start[1] + rise * (middle + i - start[0]) + 0.5) for i in (0, 1))
    upper: Doubles = np.minimum(before, after)
    return upper


def _above_steep(start: Doubles, way: Doubles, middle: Doubles) -> Doubles:
    """The same of an edge that walks down: the last step before it passes the middle."""
    run = way[0] / way[1]

    def passed(step: Doubles) -> NDArray[np.bool_]:
        beyond = np.trunc(start[0] + run * step + 0.5) >= middle + 1
        result: NDArray[np.bool_] = beyond == (run > 0)
        return result

    step = np.ceil((middle + 0.5 - start[0]) / run)  # but for rounding
    step = np.where(passed(step - 1), step - 1, step)
    step = np.where(passed(step), step, step + 1)
    upper: Doubles = start[1] + step - 1
    return upper
