"""Inputs to check a graph on, where nobody gives any: seeded, with a size for each open axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import helper

from .run import Array, random_feeds
from .shapes import shape_of

BATCH, SIDE, LENGTH = 1, 64, 8
"""Sizes of open axes: the first one, those of a picture (rank 4 or 5), and others."""


def feeds_for(
    inputs: Sequence[onnx.ValueInfoProto], sizes: Mapping[str, int] | None = None, seed: int = 0
) -> dict[str, Array]:
    """Return random arrays for inputs of a graph: normal floats, small integers, coin flips.

    Args:
        inputs: weights not among them.
        sizes: of open axes by symbol; a symbol that is not named, and an axis without one, gets a
            usual size.
        seed: of the generator.
    """
    known = dict(sizes or {})
    filled = []
    for value in inputs:
        shape = shape_of(value) or ()
        kind = value.type.tensor_type.elem_type
        sides = [
            side if isinstance(side, int) else _size(axis, side, len(shape), known)
            for axis, side in enumerate(shape)
        ]
        filled.append(helper.make_tensor_value_info(value.name, kind, sides))
    ports = onnx.ModelProto(graph=onnx.GraphProto(input=filled))
    return random_feeds(ports, seed=seed)


def _size(axis: int, symbol: str | None, rank: int, known: dict[str, int]) -> int:
    usual = BATCH if axis == 0 else SIDE if rank in (4, 5) else LENGTH
    return known.setdefault(symbol, usual) if symbol else usual


def fits(inputs: Sequence[onnx.ValueInfoProto], feeds: Mapping[str, Array]) -> bool:
    """Whether the arrays have the names, element types and shapes of these inputs."""
    return set(feeds) == {value.name for value in inputs} and all(
        _fits(value, feeds[value.name]) for value in inputs
    )


def _fits(value: onnx.ValueInfoProto, array: Array) -> bool:
    kind = helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
    shape = shape_of(value)
    return np.dtype(kind) == array.dtype and (
        shape is None
        or (
            len(shape) == array.ndim
            and all(
                not isinstance(side, int) or side == length
                for side, length in zip(shape, array.shape, strict=True)
            )
        )
    )
