"""Undo a last evolution that made a contour jagged.

e2ec trains its last evolution with the dynamic matching loss, which can leave a zigzag of
neighbouring points. Its post-processing (post_process/post_process.py) counts the points whose edge
turns against the edge before it and along the one before that; a contour with at least three more
of those than it had one evolution earlier goes back to what it was.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from ..instances import Array
from ._arrays import as_float32
from ._backend import Backend, native

_TURN = np.float32(0.1)  # squared pixels: shorter edges are no zigzag


def undo_jagged(
    previous: ArrayLike, last: ArrayLike, least: int = 3, backend: Backend = "cpp"
) -> Array:
    """Take each contour from `last` unless it is more jagged than in `previous`.

    Args:
        previous: (n,P,2) contours before the last evolution, network-input pixels.
        last: (n,P,2) contours after it.
        least: how many additional zigzag points send a contour back.
        backend: "cpp", or "numpy" for the reference.

    Returns:
        (n,P,2) float32, a new array.

    Raises:
        InputError: wrong dtype or rank, or two different shapes.
        ImportError: backend "cpp" and no compiled extension.
    """
    before = as_float32(previous, "previous", {3: "(n,P,2)"})
    after = as_float32(last, "last", {3: "(n,P,2)"})
    if before.shape != after.shape:
        raise InputError(
            f"previous and last expect one shape, got {before.shape} and {after.shape}"
        )
    library = native(backend, "undo_jagged")
    if library is not None:
        return library.undo_jagged(before, after, least)  # type: ignore[no-any-return]
    jagged = _zigzags(after) - _zigzags(before) >= least
    return np.where(jagged[:, None, None], before, after)


def _zigzags(contours: Array) -> NDArray[np.int64]:
    """Points per contour where the edge runs against the last one and along the one before."""
    edges = contours - np.roll(contours, 1, axis=1)
    along_1 = (edges * np.roll(edges, 1, axis=1)).sum(axis=2)
    along_2 = (edges * np.roll(edges, 2, axis=1)).sum(axis=2)
    zigzag = (along_1 < -_TURN) & (along_2 > _TURN)
    count: NDArray[np.int64] = zigzag.sum(axis=1, dtype=np.int64)
    return count
