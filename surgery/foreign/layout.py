"""Which axis of a tensor is which: (N, C, H, W) or (N, H, W, C), followed through the graph.

A convolution's output is channels first by ONNX's own definition. From there the order of axes is
followed through transposes, through what works pixel by pixel, and through reshapes that only move
axes of length one. Where none of it holds, the layout is not known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import onnx

from ..graph.operators import BROADCAST, CHANNELS_FIRST, UNARY
from ..graph.shapes import Shape

NCHW = ("N", "C", "H", "W")
NHWC = ("N", "H", "W", "C")
LAYOUTS = {"nchw": NCHW, "nhwc": NHWC}

Axes = tuple[str, ...]

_KEEPING = UNARY | {"LogSoftmax", "Pad", "Resize", "Slice", "Softmax", "Split", "Upsample"}
_KEEPING_REDUCED = frozenset({"ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum"})


def layouts(
    nodes: Sequence[onnx.NodeProto], shapes: Mapping[str, Shape], given: Mapping[str, Axes]
) -> dict[str, Axes]:
    """Axes of every tensor of rank four whose layout is known, by name.

    Args:
        nodes: topologically ordered.
        shapes: known shapes by tensor name.
        given: the axes of the graph's inputs.
    """
    known = dict(given)
    for node in nodes:
        axes = _axes(node, shapes, known)
        if axes is not None:
            known.update(
                (name, axes) for name in node.output if len(shapes.get(name, axes)) == len(axes)
            )
    return known


def name_of(axes: Axes | None) -> str:
    """``nchw``, ``nhwc``, other axes in their order, or "" where nothing is known."""
    return "".join(axes or ()).lower()


def permutation(node: onnx.NodeProto, rank: int) -> tuple[int, ...]:
    """The order in which a Transpose of ``rank`` axes takes them."""
    given = next((tuple(a.ints) for a in node.attribute if a.name == "perm"), None)
    return given or tuple(reversed(range(rank)))


def _axes(
    node: onnx.NodeProto, shapes: Mapping[str, Shape], known: Mapping[str, Axes]
) -> Axes | None:
    kind = node.op_type
    if node.domain not in ("", "ai.onnx") or not node.input or not node.output:
        return None
    if kind in CHANNELS_FIRST:
        rank = shapes.get(node.output[0], shapes.get(node.input[0], NCHW))
        return NCHW if len(rank) == len(NCHW) else None
    first = known.get(node.input[0])
    if kind in BROADCAST or kind == "Concat":
        return next((known[name] for name in node.input if name in known), None)
    if first is None:
        return None
    if kind in _KEEPING:
        return first
    if kind == "Transpose":
        order = permutation(node, len(first))
        return tuple(first[axis] for axis in order) if len(order) == len(first) else None
    if kind in _KEEPING_REDUCED:
        kept = next((a.i for a in node.attribute if a.name == "keepdims"), 1)
        return first if kept else None
    if kind == "Reshape":
        return reshaped(first, shapes.get(node.input[0]), shapes.get(node.output[0]))
    return None


def reshaped(axes: Axes, before: Shape | None, after: Shape | None) -> Axes | None:
    """Axes behind a Reshape that only moves axes of length one; None for another Reshape."""
    if before is None or after is None or len(before) != len(axes) or len(after) != len(axes):
        return None
    if not all(isinstance(side, int) for side in (*before, *after)):
        return None
    long = [axis for axis, side in zip(axes, before, strict=True) if side != 1]
    short = [axis for axis, side in zip(axes, before, strict=True) if side == 1]
    if [side for side in before if side != 1] != [side for side in after if side != 1]:
        return None
    return tuple(long.pop(0) if side != 1 else short.pop(0) for side in after)
