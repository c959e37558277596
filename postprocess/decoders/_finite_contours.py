"""One warning for contours that hold NaN or infinities, and which ones do not."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from ..instances import Array


def finite_contours(contours: Array, stacklevel: int = 3) -> NDArray[np.int64]:
    """Indices of those of (n,P,2) contours that are finite; one warning counts the others."""
    finite = np.logical_and.reduce(np.isfinite(contours), axis=(1, 2))
    if not finite.all():
        warnings.warn(
            f"{np.count_nonzero(~finite)} of {len(finite)} contours hold NaN or infinities and are "
            "dropped: look for an overflow in the network (float16?)",
            RuntimeWarning,
            stacklevel=stacklevel,
        )
    return np.flatnonzero(finite)
