"""One warning for NaN and infinities found in a heatmap, whichever backend found them."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray


def count_non_finite(values: NDArray[np.float32]) -> tuple[int, int, int]:
    """Numbers of NaN, +inf and -inf in `values`."""
    if np.isfinite(values).all():
        return 0, 0, 0
    return (
        int(np.count_nonzero(np.isnan(values))),
        int(np.count_nonzero(np.isposinf(values))),
        int(np.count_nonzero(np.isneginf(values))),
    )


def warn_non_finite(name: str, nan: int, positive: int, negative: int, stacklevel: int = 3) -> None:
    """Raise one RuntimeWarning that gives the counts; nothing where all three are 0."""
    if nan or positive or negative:
        warnings.warn(
            f"{name} holds {nan + positive + negative} values that are not finite "
            f"({nan} NaN, {positive} +inf, {negative} -inf): NaN is passed over, "
            "look for an overflow in the network (float16?)",
            RuntimeWarning,
            stacklevel=stacklevel,
        )


def finite_rows(values: NDArray[np.float32], what: str, stacklevel: int = 3) -> NDArray[np.int64]:
    """Indices of the finite ones of (n,...) values; one warning counts the others."""
    finite = np.logical_and.reduce(np.isfinite(values), axis=tuple(range(1, values.ndim)))
    if not finite.all():
        warnings.warn(
            f"{np.count_nonzero(~finite)} of {len(finite)} {what} hold NaN or infinities and are "
            "dropped: look for an overflow in the network (float16?)",
            RuntimeWarning,
            stacklevel=stacklevel,
        )
    return np.flatnonzero(finite)
