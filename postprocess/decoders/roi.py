"""Regions of a feature map at a fixed size.

ROI align of He et al., "Mask R-CNN" (ICCV 2017), section 3, in the form without the half-pixel
shift (torchvision's `aligned=False`), every bin averaged over ceil(bin size) samples a side.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from ..instances import Array
from ._arrays import as_float32
from ._backend import Backend, native


def roi_align(
    feature: ArrayLike, boxes: ArrayLike, size: tuple[int, int], backend: Backend = "cpp"
) -> Array:
    """Bilinear averages of a feature map over the bins of boxes.

    A bin's average is separable: one matrix a side, so that a region is Y @ feature @ X^T.

    Args:
        feature: (C,H,W).
        boxes: (n,4) x1, y1, x2, y2, feature pixels; sides below a pixel count as one. Samples up to
            a pixel outside of the map repeat its border, those further out count as 0.
        size: rows and columns of a region.
        backend: "cpp", or "numpy" for the reference; they add in different orders.

    Returns:
        (n,C,rows,columns) float32. A region whose box holds NaN or infinities is NaN.

    Raises:
        InputError: wrong dtype or shape, or a size below 1.
        ImportError: backend "cpp" and no compiled extension.
    """
    maps = as_float32(feature, "feature", {3: "(C,H,W)"})
    corners = as_float32(boxes, "boxes", {2: "(n,4)"})
    rows, columns = size
    if corners.shape[1] != 4:
        raise InputError(f"boxes expects (n,4), got {corners.shape}")
    if rows < 1 or columns < 1:
        raise InputError(f"size expects at least one row and one column, got {size}")
    library = native(backend, "roi_align")
    if library is not None:
        return library.roi_align(maps, corners, rows, columns)  # type: ignore[no-any-return]
    regions = np.full((len(corners), len(maps), rows, columns), np.nan, np.float32)
    for region, (x1, y1, x2, y2) in zip(regions, corners.astype(np.float64), strict=True):
        if np.isfinite([x1, y1, x2, y2]).all():
            vertical = _bin_weights(y1, y2, rows, maps.shape[1])
            horizontal = _bin_weights(x1, x2, columns, maps.shape[2])
            region[:] = vertical @ maps @ horizontal.T
    return regions


def _bin_weights(start: float, end: float, bins: int, length: int) -> Array:
    """(bins, length): what each pixel of a row contributes to each bin between start and end."""
    bin_size = max(end - start, 1.0) / bins
    samples = math.ceil(bin_size)
    offsets: NDArray[np.float64] = (np.arange(samples) + 0.5) / samples
    position = start + (np.arange(bins)[:, None] + offsets) * bin_size
    inside = (position >= -1) & (position <= length)
    position = position.clip(0, length - 1)
    distance = np.abs(position[..., None] - np.arange(length))
    hat = np.maximum(1 - distance, 0) * inside[..., None]
    weights: Array = hat.mean(axis=1).astype(np.float32)
    return weights
