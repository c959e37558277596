"""A network's outputs as a decoder wants them: found by name, float32, batch and channels first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from ..errors import InputError
from ..instances import Array
from ._arrays import as_float32

Layout = Literal["nchw", "nhwc"]


def head(heads: Mapping[str, ArrayLike], name: str, decoder: str, layout: Layout = "nchw") -> Array:
    """Return the output `name` as (N,C,H,W) float32, C-contiguous.

    Raises:
        InputError: there is no such output, it is not floating point, or it has not four axes.
    """
    if name not in heads:
        raise InputError(f"decoder {decoder} needs head {name!r}, got {', '.join(heads)}")
    array = np.asarray(heads[name])
    axes = "(N,C,H,W)" if layout == "nchw" else "(N,H,W,C)"
    if array.ndim == 4 and layout == "nhwc":
        array = array.transpose(0, 3, 1, 2)
    return as_float32(array, f"decoder {decoder}: head {name!r}", {4: axes})


def check_maps(maps: Mapping[str, Array], channels: Mapping[str, int]) -> None:
    """Refuse (N,C,H,W) maps of unequal batch or size, or of other than these channels.

    Raises:
        InputError: naming every map with its shape.
    """
    wrong = [name for name, count in channels.items() if maps[name].shape[1] != count]
    if len({each.shape[:1] + each.shape[2:] for each in maps.values()}) > 1 or wrong:
        expected = ", ".join(f"{name} (N,{channels.get(name, 'C')},H,W)" for name in maps)
        got = ", ".join(f"{name} {each.shape}" for name, each in maps.items())
        raise InputError(f"expected maps of one size: {expected}, got {got}")
