"""Peaks of a class heatmap: sigmoid, local maximum, threshold, top-K.

The step that CenterNet (Zhou et al., "Objects as Points", 2019, section 4) takes instead of NMS, as
e2ec and Deep Snake run it after their `ct_hm` head. It is defined so that two implementations agree
to the bit:

- a pixel is a peak where it equals the maximum of the kernel window around it, on the values as
  given (the sigmoid is monotone); every pixel of a plateau is one;
- NaN is no peak and hides no neighbour; +inf counts as probability 1;
- the score is the sigmoid in double precision, rounded to float32, and the threshold keeps
  scores >= float32(threshold);
- order is score descending, ties by class, then y, then x.
"""

from __future__ import annotations

from types import EllipsisType
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..instances import Array
from ._arrays import as_count, as_float32, as_kernel, as_threshold
from ._backend import Backend, native
from ._finite import count_non_finite, warn_non_finite


class Peaks(NamedTuple):
    """Peaks of one image, score descending.

    Attributes:
        scores: (n,) float32 probabilities.
        classes: (n,) int64 heatmap channels.
        xs: (n,) int64 columns, heatmap pixels.
        ys: (n,) int64 rows, heatmap pixels.
    """

    scores: NDArray[np.float32]
    classes: NDArray[np.int64]
    xs: NDArray[np.int64]
    ys: NDArray[np.int64]


def peaks(
    heatmap: ArrayLike,
    k: int = 100,
    threshold: float = 0.05,
    logits: bool = True,
    kernel: int = 3,
    backend: Backend = "cpp",
) -> Peaks | list[Peaks]:
    """Find the k best local maxima over all classes of a heatmap.

    Args:
        heatmap: (C,H,W) or (N,C,H,W) floating point, any strides.
        k: most peaks to return for an image.
        threshold: least probability, compared with >= in float32.
        logits: whether the sigmoid is still to be applied; otherwise values are probabilities.
        kernel: odd side of the max window, heatmap pixels.
        backend: "cpp", or "numpy" for the reference.

    Returns:
        Peaks (scores, classes, xs, ys) for (C,H,W), a list of N of them for (N,C,H,W).

    Raises:
        InputError: wrong dtype, rank or parameter.
        ImportError: backend "cpp" and no compiled extension.

    Warns:
        RuntimeWarning: the heatmap holds NaN or infinities; says how many.
    """
    maps = as_float32(heatmap, "heatmap", {3: "(C,H,W)", 4: "(N,C,H,W)"})
    if maps.ndim == 4:
        return _peaks(maps, k, threshold, logits, kernel, backend)
    return _peaks(maps[None], k, threshold, logits, kernel, backend)[0]


def peaks_batch(
    heatmap: ArrayLike,
    k: int = 100,
    threshold: float = 0.05,
    logits: bool = True,
    kernel: int = 3,
    backend: Backend = "cpp",
) -> list[Peaks]:
    """Like `peaks`, for (N,C,H,W) alone, so that the type of the result is known: N Peaks."""
    maps = as_float32(heatmap, "heatmap", {4: "(N,C,H,W)"})
    return _peaks(maps, k, threshold, logits, kernel, backend)


def _peaks(
    images: Array, k: int, threshold: float, logits: bool, kernel: int, backend: Backend
) -> list[Peaks]:
    k = as_count(k, "k", 0)
    kernel = as_kernel(kernel)
    least = as_threshold(threshold, "threshold")
    library = native(backend)
    if library is None:
        non_finite = count_non_finite(images)
        found = [_peaks_of_image(image, k, least, logits, kernel) for image in images]
    else:
        found_rows, non_finite = library.peaks(images, k, float(least), bool(logits), kernel)
        found = [Peaks(*rows) for rows in found_rows]
    warn_non_finite("heatmap", *non_finite, stacklevel=4)
    return found


def _peaks_of_image(
    image: Array, k: int, threshold: np.float32, logits: bool, kernel: int
) -> Peaks:
    values = _comparable(image, logits)
    top = _window_maximum(values, kernel)
    is_peak = (values == top) & (values >= _lowest_value(threshold, logits)) & ~np.isnan(image)
    where = _best(np.flatnonzero(is_peak), values.ravel(), k, logits)
    scores = _scores(values.ravel()[where], logits)
    passed = scores >= threshold
    where, scores = where[passed], scores[passed]
    order = np.argsort(-scores, kind="stable")[:k]  # `where` ascends by class, y, x already
    classes, ys, xs = np.unravel_index(where[order], image.shape)
    return Peaks(scores[order], classes.astype(np.int64), xs.astype(np.int64), ys.astype(np.int64))


def _best(where: NDArray[np.int64], values: Array, k: int, logits: bool) -> NDArray[np.int64]:
    """Drop what cannot be among the best k; two values may still round to one score."""
    if not 0 < k < len(where):
        return where
    kth = np.partition(values[where], -k)[-k:][:1]
    return where[values[where] >= _lowest_value(_scores(kth, logits)[0], logits)]


def _comparable(image: Array, logits: bool) -> Array:
    """Values to take maxima of: NaN below everything, an infinite probability 1."""
    if np.isfinite(image).all():
        return image
    values = np.where(np.isnan(image), np.float32(-np.inf), image)
    return values if logits else np.where(np.isposinf(values), np.float32(1), values)


def _window_maximum(values: Array, kernel: int) -> Array:
    """Maximum over a kernel x kernel window at every pixel, the border padded with -inf."""
    radius = kernel // 2
    for axis in (-1, -2):
        top = values.copy()
        length = values.shape[axis]
        for shift in range(1, min(radius, length - 1) + 1):
            ahead = _along(axis, slice(shift, None))
            behind = _along(axis, slice(None, length - shift))
            np.maximum(top[behind], values[ahead], out=top[behind])
            np.maximum(top[ahead], values[behind], out=top[ahead])
        values = top
    return values


def _along(
    axis: int, part: slice
) -> tuple[EllipsisType, slice] | tuple[EllipsisType, slice, slice]:
    return (..., part) if axis == -1 else (..., part, slice(None))


def _lowest_value(threshold: np.float32, logits: bool) -> np.float32:
    """A value at or below every one whose score reaches the threshold: saves most sigmoids."""
    if not logits:
        return threshold
    below = float(np.nextafter(threshold, np.float32(-np.inf)))
    if below <= 0.0:
        return np.float32(-np.inf)
    if below >= 1.0:
        return np.float32(np.inf)
    logit = np.log(below / (1.0 - below))
    return np.float32(logit - 1e-6 * (1.0 + abs(logit)))


def _scores(values: Array, logits: bool) -> Array:
    """Probabilities in float32; the sigmoid is taken in double precision."""
    if not logits:
        return values
    with np.errstate(over="ignore"):  # exp(-logit) of a very negative logit: the score is 0
        return (1.0 / (1.0 + np.exp(-values.astype(np.float64)))).astype(np.float32)
