"""``torch.roll`` in Slice and Concat.

The TorchScript exporter cuts at the shift as it is given: one that is larger than the axis gives
another result than torch without a word (8 rows rolled by 10: up to 5.7 off on values of N(0, 1)),
and a roll without axes ends in an AssertionError. The dynamo exporter takes every shift modulo the
size in the graph; where the size is open, Shape and Mod stay there, and Core ML, ncnn, NNAPI,
WebGPU and WebNN do not have Mod.

    roll(x, s) = concatenate x[-s:] and x[:-s]

The shift is taken modulo the size in the graph only where it is larger than the axis, or the axis
open. Exact: values are only moved. Shifted windows (Liu et al., "Swin Transformer", 2021, section
3.2) are what needs it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .base import Nodes, Value
from .shapes import like

END = 2**63 - 1  # of a Slice up to the last element


@dataclass(frozen=True)
class _Roll:
    name: str = "roll"
    summary: str = "torch.roll as Slice and Concat"
    operators: tuple[str, ...] = ("aten::roll",)
    arguments: tuple[str, ...] = ("v", "is", "is")
    opsets: range = range(11, 24)
    exact: bool = True

    def translate(
        self, nodes: Nodes, x: Value, shifts: Sequence[int], axes: Sequence[int]
    ) -> Value:
        """Roll x by each shift along its axis; without axes, the flattened x."""
        if not axes:
            flat = nodes.op("Reshape", x, nodes.constant([-1]))
            return like(nodes, _rolled(nodes, flat, shifts[0], 0, _count(nodes, x)), x)
        sizes = nodes.shape(x)
        for shift, axis in zip(shifts, axes, strict=True):
            x = _rolled(nodes, x, shift, axis, None if sizes is None else sizes[axis])
        return x


def _count(nodes: Nodes, x: Value) -> int | None:
    """Number of elements."""
    count = 1
    for size in nodes.shape(x) or (None,):
        if size is None:
            return None
        count *= size
    return count


def _rolled(nodes: Nodes, x: Value, shift: int, axis: int, size: int | None) -> Value:
    op, constant = nodes.op, nodes.constant
    if shift == 0:
        return op("Identity", x)
    if size is not None and abs(shift) < size:  # no size in the graph: it holds for larger ones
        cut = constant([-shift])
    else:
        after = axis + 1 if axis != -1 else END
        whole = op("Slice", op("Shape", x), constant([axis]), constant([after]))
        cut = op("Sub", whole, op("Mod", constant([shift]), whole))
    last = op("Slice", x, cut, constant([END]), constant([axis]))
    first = op("Slice", x, constant([0]), cut, constant([axis]))
    return op("Concat", last, first, axis=axis)


ROLL = _Roll()
