"""Keypoints of heatmaps: the maximum, refined below a pixel.

- argmax: the first maximum in row-major order.
- quarter: a quarter pixel towards the larger neighbour on each axis (Newell et al., ECCV 2016, as
  HRNet's code does it: where 1 < x < W - 1 and 1 < y < H - 1).
- dark: Zhang et al., "Distribution-Aware Coordinate Representation" (CVPR 2020): blur with zeros
  outside, log, one Newton step with second differences at two pixels, where 1 < x < W - 2 and
  1 < y < H - 2. The paper scales the blurred map to the old maximum; in the log that adds a
  constant and drops out of the step.
- dark_udp: Huang et al., "The Devil Is in the Details" (CVPR 2020): blur with the border reflected,
  clip to [1e-3, 50], log, one Newton step with differences at one pixel, the border repeated.

A step that is not finite, or that ends over a pixel outside of the map, is not taken. The blur is
OpenCV's Gaussian of sigma 0, so 1/4 1/2 1/4 for kernel 3. Arithmetic is in double precision.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from ..instances import Array
from ._arrays import as_float32, as_kernel
from ._backend import Backend, native
from ._finite import count_non_finite, warn_non_finite

Method = Literal["argmax", "quarter", "dark", "dark_udp"]
Doubles = NDArray[np.float64]
Indices = NDArray[np.int64]

METHODS: tuple[Method, ...] = get_args(Method)

_FIXED_KERNELS = {  # OpenCV's table for sigma 0; longer kernels follow its formula
    1: (1.0,),
    3: (0.25, 0.5, 0.25),
    5: (0.0625, 0.25, 0.375, 0.25, 0.0625),
    7: (0.03125, 0.109375, 0.21875, 0.28125, 0.21875, 0.109375, 0.03125),
}


def keypoints(
    heatmaps: ArrayLike,
    method: Method = "argmax",
    kernel: int = 3,
    backend: Backend = "cpp",
) -> tuple[Array, Array]:
    """Find the keypoint of each heatmap.

    Args:
        heatmaps: (N,K,H,W) floating point, any strides, at least one pixel.
        method: "argmax", "quarter", "dark" or "dark_udp".
        kernel: odd side of the blur of the dark methods, heatmap pixels.
        backend: "cpp", or "numpy" for the reference.

    Returns:
        points (N,K,2) float32, x before y, heatmap pixels; scores (N,K) float32, the value at the
        maximum. NaN is passed over; a map of nothing else gives point (0, 0) and score 0.

    Raises:
        InputError: wrong dtype, shape, method or kernel.
        ImportError: backend "cpp" and no compiled extension.

    Warns:
        RuntimeWarning: the heatmaps hold NaN or infinities; says how many.
    """
    maps = as_float32(heatmaps, "heatmaps", {4: "(N,K,H,W)"})
    if 0 in maps.shape[2:]:
        raise InputError(f"heatmaps expects at least one pixel, got {maps.shape}")
    if method not in METHODS:
        raise InputError(f"method expects one of {', '.join(METHODS)}, got {method!r}")
    kernel = as_kernel(kernel)
    library = native(backend)
    if library is None:
        non_finite = count_non_finite(maps)
        flat = maps.reshape(-1, *maps.shape[2:])
        points, scores = _keypoints(flat, method, gaussian_kernel(kernel))
    else:
        points, scores, non_finite = library.keypoints(maps, METHODS.index(method), kernel)
    warn_non_finite("heatmaps", *non_finite)
    return points.reshape(*maps.shape[:2], 2), scores.reshape(maps.shape[:2])


def gaussian_kernel(side: int) -> Doubles:
    """OpenCV's getGaussianKernel(side, sigma=0): (side,) float64 weights that sum to 1."""
    if side in _FIXED_KERNELS:
        return np.asarray(_FIXED_KERNELS[side])
    sigma = 0.3 * ((side - 1) * 0.5 - 1) + 0.8
    distance = np.arange(side) - side // 2
    weights = np.exp(-(distance * distance) / (2 * sigma * sigma))
    normalised: Doubles = weights / np.cumsum(weights)[-1]
    return normalised


def _keypoints(maps: Array, method: Method, blur: Doubles) -> tuple[Array, Array]:
    x, y, scores = _argmax(maps)
    if method == "argmax":
        step = np.zeros((len(maps), 2))
    elif method == "quarter":
        step = _quarter_step(maps, x, y)
    elif method == "dark":
        step = _dark_step(maps, x, y, blur)
    else:
        step = _dark_udp_step(maps, x, y, blur)
    points = np.stack([x, y], axis=1) + _checked(step, x, y, maps.shape[1:])
    return points.astype(np.float32), scores


def _argmax(maps: Array) -> tuple[Indices, Indices, Array]:
    values = maps.reshape(len(maps), maps.shape[1] * maps.shape[2])
    top: Array = np.fmax.reduce(values, axis=1)
    first = np.argmax(values == top[:, None], axis=1)
    y, x = np.divmod(first, maps.shape[2])
    return x, y, np.where(np.isnan(top), np.float32(0), top)


def _quarter_step(maps: Array, x: Indices, y: Indices) -> Doubles:
    step = np.zeros((len(maps), 2))
    height, width = maps.shape[1:]
    inside = np.flatnonzero((x > 1) & (x < width - 1) & (y > 1) & (y < height - 1))
    x, y = x[inside], y[inside]
    right, left = maps[inside, y, x + 1], maps[inside, y, x - 1]
    below, above = maps[inside, y + 1, x], maps[inside, y - 1, x]
    step[inside, 0] = 0.25 * ((right > left).astype(int) - (right < left))
    step[inside, 1] = 0.25 * ((below > above).astype(int) - (below < above))
    return step


def _dark_step(maps: Array, x: Indices, y: Indices, blur: Doubles) -> Doubles:
    step = np.zeros((len(maps), 2))
    height, width = maps.shape[1:]
    inside = np.flatnonzero((x > 1) & (x < width - 2) & (y > 1) & (y < height - 2))
    chosen, x, y = maps[inside], x[inside], y[inside]

    def at(dx: int, dy: int) -> Doubles:
        blurred = _blurred(chosen, x + dx, y + dy, blur, reflect=False)
        with np.errstate(invalid="ignore"):
            return np.log(np.maximum(blurred, 1e-10))

    middle = at(0, 0)
    with np.errstate(invalid="ignore"):
        step[inside] = _newton_step(
            0.5 * (at(1, 0) - at(-1, 0)),
            0.5 * (at(0, 1) - at(0, -1)),
            0.25 * (at(2, 0) - 2 * middle + at(-2, 0)),
            0.25 * (at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1)),
            0.25 * (at(0, 2) - 2 * middle + at(0, -2)),
        )
    return step


def _dark_udp_step(maps: Array, x: Indices, y: Indices, blur: Doubles) -> Doubles:
    height, width = maps.shape[1:]

    def at(dx: int, dy: int) -> Doubles:
        column = np.clip(x + dx, 0, width - 1)
        row = np.clip(y + dy, 0, height - 1)
        blurred = _blurred(maps, column, row, blur, reflect=True)
        return np.log(np.clip(blurred, 1e-3, 50.0))

    middle, right, below = at(0, 0), at(1, 0), at(0, 1)
    left, above = at(-1, 0), at(0, -1)
    ridge = float(np.finfo(np.float32).eps)  # keeps a flat map invertible, as published
    return _newton_step(
        0.5 * (right - left),
        0.5 * (below - above),
        right - 2 * middle + left + ridge,
        0.5 * (at(1, 1) - right - below + 2 * middle - left - above + at(-1, -1)),
        below - 2 * middle + above + ridge,
    )


def _blurred(maps: Array, x: Indices, y: Indices, blur: Doubles, reflect: bool) -> Doubles:
    """Blurred value of each map at its own (x, y); NaN, and without `reflect` outside, is 0."""
    height, width = maps.shape[1:]
    each = np.arange(len(maps))
    total = np.zeros(len(maps))
    radius = len(blur) // 2
    for row_weight, row in zip(blur, range(-radius, radius + 1), strict=True):
        across = np.zeros(len(maps))
        for weight, column in zip(blur, range(-radius, radius + 1), strict=True):
            at_x, at_y = x + column, y + row
            if reflect:
                at_x, at_y = _reflected(at_x, width), _reflected(at_y, height)
            inside = (at_x >= 0) & (at_x < width) & (at_y >= 0) & (at_y < height)
            value = maps[each, at_y.clip(0, height - 1), at_x.clip(0, width - 1)]
            across += weight * np.where(inside & ~np.isnan(value), value, 0).astype(np.float64)
        total += row_weight * across
    return total


def _reflected(index: Indices, size: int) -> Indices:
    """OpenCV's BORDER_REFLECT_101: ...2 1 | 0 1 2 ... without repeating the border."""
    if size == 1:
        return np.zeros_like(index)
    period = 2 * (size - 1)
    folded: Indices = np.abs(index) % period
    return np.minimum(folded, period - folded)


def _newton_step(gx: Doubles, gy: Doubles, hxx: Doubles, hxy: Doubles, hyy: Doubles) -> Doubles:
    """-H^-1 g as (n,2); not finite where H is singular."""
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        determinant = hxx * hyy - hxy * hxy
        x = -(hyy * gx - hxy * gy) / determinant
        y = -(hxx * gy - hxy * gx) / determinant
    return np.stack([x, y], axis=1)


def _checked(step: Doubles, x: Indices, y: Indices, size: tuple[int, ...]) -> Doubles:
    height, width = size
    with np.errstate(invalid="ignore"):
        to_x, to_y = x + step[:, 0], y + step[:, 1]
        usable = (to_x >= -1) & (to_x <= width) & (to_y >= -1) & (to_y <= height)
    return np.where(usable[:, None], step, 0.0)
