"""Flip test: the heatmaps of an image and of its mirror image, averaged.

As HRNet (Sun et al., CVPR 2019, lib/core/function.py) and PaddleDetection evaluate: mirror the
second maps back, exchange left and right joints, move them by one pixel, average. A network of
stride s sees the mirrored pixel W - 1 - x, so its maps come out (s - 1) / s of a pixel too far left
when they are mirrored back; the move makes up for it. Coordinates as UDP has them need none.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from ..instances import Array
from ._arrays import as_float32
from ._backend import Backend, native

SIDES = ("left", "right")


def mirror_order(names: Sequence[str]) -> NDArray[np.int64]:
    """Index of each keypoint's mirror image, by name: left_eye is right_eye's, nose its own.

    Raises:
        InputError: a name with left or right has no counterpart.
    """
    known = {name: index for index, name in enumerate(names)}
    order = []
    for name in names:
        other = _exchanged(name)
        if other not in known:
            raise InputError(f"flip test: keypoint {name!r} has no counterpart {other!r}")
        order.append(known[other])
    return np.array(order, np.int64)


def _exchanged(name: str) -> str:
    for side, other in (SIDES, SIDES[::-1]):
        if side in name:
            return name.replace(side, other)
    return name


def merge_flipped(
    heatmaps: ArrayLike,
    mirrored: ArrayLike,
    order: ArrayLike,
    shift: bool = True,
    backend: Backend = "cpp",
) -> Array:
    """Average heatmaps with those of the mirrored images.

    Args:
        heatmaps: (N,K,H,W) floating point.
        mirrored: (N,K,H,W), what the network gives for the images mirrored left to right.
        order: (K,) index of each keypoint's mirror image (`mirror_order`).
        shift: move the second maps right by a pixel, as for coordinates without UDP.
        backend: "cpp", or "numpy" for the reference.

    Returns:
        (N,K,H,W) float32; the inputs stay as they are.

    Raises:
        InputError: shapes that do not fit, or an index that is none of a keypoint.
        ImportError: backend "cpp" and no compiled extension.
    """
    first = as_float32(heatmaps, "heatmaps", {4: "(N,K,H,W)"})
    second = as_float32(mirrored, "mirrored", {4: "(N,K,H,W)"})
    indices = np.asarray(order, np.int64)
    if first.shape != second.shape or indices.shape != first.shape[1:2]:
        raise InputError(
            f"heatmaps, mirrored and order expect (N,K,H,W), the same and (K,), got {first.shape}, "
            f"{second.shape} and {indices.shape}"
        )
    if ((indices < 0) | (indices >= len(indices))).any():
        raise InputError(f"order expects indices below {len(indices)}, got {indices.tolist()}")
    library = native(backend, "merge_flipped")
    if library is not None:
        merged: Array = library.merge_flipped(first, second, indices, bool(shift))
        return merged
    back = second[:, indices, :, ::-1]
    if shift:
        back = np.concatenate([back[..., :1], back[..., :-1]], axis=3)
    average: Array = (first + back) * np.float32(0.5)
    return average
