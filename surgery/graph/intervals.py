"""Bounds of the whole-number tensors of a graph, by interval arithmetic over its nodes.

An index from ArgMax is below the length of its axis, a cast from a boolean is 0 or 1, and sums and
products of such numbers are bounded by those of their bounds (Moore, Interval Analysis, 1966). What
follows from the caller's numbers, or from floating point, has no bounds here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import product

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from .shapes import Shape

Interval = tuple[int, int]
Constant = Callable[[str], "NDArray[np.generic] | None"]

# Outputs that hold some of the elements of these inputs and nothing else.
_MOVING: Mapping[str, tuple[int, ...]] = {
    **dict.fromkeys(
        (
            *("Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "Identity", "Expand"),
            *("Tile", "Slice", "Split", "Gather", "GatherND", "GatherElements"),
            *("ReduceMax", "ReduceMin", "DepthToSpace", "SpaceToDepth"),
        ),
        (0,),
    ),
    "Where": (1, 2),
    "ScatterND": (0, 2),
    "ScatterElements": (0, 2),
}
_VARIADIC = {"Concat", "Min", "Max"}
_NARROW = (
    *(TensorProto.INT8, TensorProto.UINT8, TensorProto.INT16, TensorProto.UINT16),
    TensorProto.INT32,
)


def intervals(
    nodes: Sequence[onnx.NodeProto],
    constant: Constant,
    shapes: Mapping[str, Shape],
    kinds: Mapping[str, int],
) -> dict[str, Interval]:
    """Return the bounds, both included, of the tensors of one graph that have any, by name.

    Args:
        nodes: in order.
        constant: values of a constant by name, None for what is none.
        shapes, kinds: shape and ``TensorProto.DataType`` by tensor name.
    """
    known: dict[str, Interval] = {}

    def bounds(name: str) -> Interval | None:
        if name not in known:
            values = constant(name)
            if values is not None and values.size and values.dtype.kind in "iub":
                known[name] = int(values.min()), int(values.max())
        return known.get(name)

    for node in nodes:
        found = _made(node, bounds, shapes, kinds)
        if found is not None:
            known.update((name, found) for name in node.output if name and _is_whole(kinds, name))
    return known


def _is_whole(kinds: Mapping[str, int], name: str) -> bool:
    return kinds.get(name) in (TensorProto.INT64, *_NARROW)


def _made(
    node: onnx.NodeProto,
    bounds: Callable[[str], Interval | None],
    shapes: Mapping[str, Shape],
    kinds: Mapping[str, int],
) -> Interval | None:
    """Bounds of what a node makes."""
    operator = node.op_type
    if operator in ("ArgMax", "ArgMin", "TopK", "NonZero"):
        return _position(node, shapes.get(node.input[0]))
    if operator == "Cast":
        return _cast(kinds.get(node.input[0]), bounds(node.input[0]))
    places = _MOVING.get(operator, range(len(node.input)) if operator in _VARIADIC else None)
    if places is not None:
        return _hull([bounds(node.input[place]) for place in places])
    given = [bounds(name) for name in node.input]
    if operator == "ReduceSum":
        return _sum(given[0], shapes.get(node.input[0]))
    if operator in _ARITHMETIC and None not in given:
        return _ARITHMETIC[operator](*(pair for pair in given if pair is not None))
    return None


def _position(node: onnx.NodeProto, shape: Shape | None) -> Interval | None:
    """Bounds of a position along an axis; of NonZero, along any."""
    if shape is None:
        return None
    default = -1 if node.op_type == "TopK" else 0
    axis = next((a.i for a in node.attribute if a.name == "axis"), default)
    sides = shape if node.op_type == "NonZero" else (shape[axis],)
    longest = [side for side in sides if isinstance(side, int)]
    return (0, max(longest) - 1) if len(longest) == len(sides) and longest else None


def _cast(kind: int | None, given: Interval | None) -> Interval | None:
    if kind == TensorProto.BOOL:
        return 0, 1
    if given is None and kind in _NARROW:
        limits = np.iinfo(helper.tensor_dtype_to_np_dtype(kind))
        return int(limits.min), int(limits.max)
    return given


def _hull(given: Sequence[Interval | None]) -> Interval | None:
    known = [pair for pair in given if pair is not None]
    if not known or len(known) < len(given):
        return None
    return min(low for low, _ in known), max(high for _, high in known)


def _sum(given: Interval | None, shape: Shape | None) -> Interval | None:
    """Bounds of a sum of any of the elements: all of one sign at worst."""
    if given is None or shape is None or not all(isinstance(side, int) for side in shape):
        return None
    count = math.prod(side for side in shape if isinstance(side, int))
    return min(given[0], given[0] * count), max(given[1], given[1] * count)


def _product(a: Interval, b: Interval) -> Interval:
    corners = [x * y for x, y in product(a, b)]
    return min(corners), max(corners)


def _quotient(a: Interval, b: Interval) -> Interval | None:
    """ONNX divides whole numbers towards zero."""
    if b[0] <= 0 <= b[1]:
        return None
    corners = [int(math.copysign(1, x * y)) * (abs(x) // abs(y)) for x, y in product(a, b)]
    zero = [0] if a[0] <= 0 <= a[1] else []
    return min(corners + zero), max(corners + zero)


def _remainder(a: Interval, b: Interval) -> Interval | None:
    """Of the divisor's sign (fmod=0) or of the dividend's (fmod=1): within both."""
    if b[0] <= 0 <= b[1]:
        return None
    largest = max(abs(b[0]), abs(b[1])) - 1
    return (0, largest) if a[0] >= 0 and b[0] > 0 else (-largest, largest)


_ARITHMETIC: Mapping[str, Callable[..., Interval | None]] = {
    "Add": lambda a, b: (a[0] + b[0], a[1] + b[1]),
    "Sub": lambda a, b: (a[0] - b[1], a[1] - b[0]),
    "Mul": _product,
    "Div": _quotient,
    "Mod": _remainder,
    "Neg": lambda a: (-a[1], -a[0]),
    "Abs": lambda a: (0, max(abs(a[0]), abs(a[1]))),
}
