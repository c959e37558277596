"""Softmax, ArgMax and reductions over an inner axis as ones over the last axis.

Without it: XNNPACK's Softmax takes the last axis alone from opset 13 on, so that one over the
channels of an (N, C, H, W) map, which segmentation heads have, stays on the CPU.

The axes are moved to the end by a Transpose. What keeps its axes (Softmax, reductions with
keepdims) is moved back; what drops them needs no way back, since the others keep their order. Exact
to the bit where the run time sums in order, else up to float32 rounding.

Declined: axes that are not constants, an unknown rank, and Softmax before opset 13 where it is not
over the last axis: there it runs over all axes from its own on.
"""

from __future__ import annotations

import onnx

from ..graph.view import View
from .node_pass import Answer, Draft, NodePass, attribute, set_attribute

_SOFTMAX = ("Softmax", "LogSoftmax", "Hardmax")
_ARG = ("ArgMax", "ArgMin")
_REDUCTIONS = (
    *("ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare"),
    *("ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp"),
)


def _rewrite(node: onnx.NodeProto, view: View) -> Answer:
    shape = view.shape(node.input[0])
    if shape is None:
        return "its input's rank is not known"
    rank = len(shape)
    axes = _axes(node, view)
    if isinstance(axes, str):
        return axes
    axes = sorted(axis % rank for axis in axes)
    if axes == list(range(rank - len(axes), rank)):
        return None
    if node.op_type in _SOFTMAX and view.opset < 13:
        return f"before opset 13 it runs over all axes from {axes[0]} on"
    order = [axis for axis in range(rank) if axis not in axes] + axes
    back = [order.index(axis) for axis in range(rank)]
    draft = Draft(node, view)
    moved = draft.op("Transpose", node.input[0], perm=order)
    copy = draft.like(node)
    copy.input[0] = moved
    last = list(range(rank - len(axes), rank))
    if node.op_type not in _REDUCTIONS:
        set_attribute(copy, "axis", last[0])
    elif len(node.input) > 1:
        copy.input[1] = draft.ints(*last, role="axes")
    else:
        set_attribute(copy, "axes", last)
    if node.op_type in _SOFTMAX or attribute(node, "keepdims", 1):
        copy.output[0] = f"{moved}.done"
        draft.op("Transpose", copy.output[0], perm=back, final=True)
    return draft


def _axes(node: onnx.NodeProto, view: View) -> list[int] | str:
    """Axes as they are stated; all of them, in place already, where none is."""
    if node.op_type in _SOFTMAX:
        return [attribute(node, "axis", -1 if view.opset >= 13 else 1)]
    if node.op_type in _ARG:
        return [attribute(node, "axis", 0)]
    named = view.input(node, 1)
    if not named:
        return list(attribute(node, "axes", []))
    axes = view.constant(named)
    return "its axes are not constants" if axes is None else [int(axis) for axis in axes]


LAST_AXIS = NodePass(
    "last_axis",
    "Softmax, ArgMax and reductions over the last axis, between Transposes",
    (*_SOFTMAX, *_ARG, *_REDUCTIONS),
    _rewrite,
)
