"""Negative axes, and negative constant indices of Gather, as the positive ones that they mean.

Without it: ONNX counts axes and indices from the end where they are negative, and not every
implementation does: QNN's Gather takes positive indices only.

The rank is known by shape inference, the sizes that indices need only where they are fixed. Exact
to the bit: only attributes and constants change. Attributes that are left out stay so, since their
default is left to the operator.

Declined: nodes whose input has no known rank, computed axes, and indices along an open size.
"""

from __future__ import annotations

import numpy as np
import onnx

from ..graph.view import View
from .node_pass import Answer, Draft, NodePass, attribute, set_attribute

_REDUCTIONS = (
    *("ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare"),
    *("ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp"),
)
# Where a node takes its axes as a tensor.
_PLACES = {"Squeeze": 1, "Unsqueeze": 1, "Slice": 3, "Pad": 3, **dict.fromkeys(_REDUCTIONS, 1)}
_INDEXED = ("Gather", "GatherElements")
_OPERATORS = (
    *("ArgMax", "ArgMin", "Concat", "CumSum", "Flatten", "Hardmax", "LayerNormalization"),
    *("LogSoftmax", "Softmax", "Split", "TopK", "QuantizeLinear", "DequantizeLinear"),
    *("ScatterElements", "Resize", *_INDEXED, *_PLACES),
)


def _rewrite(node: onnx.NodeProto, view: View) -> Answer:
    shape = view.shape(node.input[0])
    if shape is None:
        return "its input's rank is not known" if _states_negative(node) else None
    rank = len(shape)
    draft = Draft(node, view)
    copy = draft.like(node)
    axis, axes = attribute(node, "axis"), attribute(node, "axes")
    place = _PLACES.get(node.op_type)
    named = view.input(node, place) if place else ""
    given = view.constant(named) if named else None
    changed = False
    if axis is not None and axis < 0:
        set_attribute(copy, "axis", axis + rank)
        changed = True
    if node.op_type == "Unsqueeze":  # counts in its output
        rank += len(axes or ()) if given is None else given.size
    if axes and min(axes) < 0:
        set_attribute(copy, "axes", [each % rank for each in axes])
        changed = True
    if place and given is not None and (given < 0).any():
        copy.input[place] = draft.weight(np.where(given < 0, given + rank, given), "axes")
        changed = True
    if node.op_type in _INDEXED:
        indices = view.constant(node.input[1])
        size = shape[attribute(node, "axis", 0)]
        if indices is not None and (indices < 0).any():
            if not isinstance(size, int):
                return "it takes elements from the end of an open size"
            positive = np.where(indices < 0, indices + size, indices).astype(indices.dtype)
            copy.input[1] = draft.weight(positive, "indices")
            changed = True
    return draft if changed else None


def _states_negative(node: onnx.NodeProto) -> bool:
    return attribute(node, "axis", 0) < 0 or min(attribute(node, "axes", [0]), default=0) < 0


POSITIVE_AXES = NodePass(
    "positive_axes",
    "negative axes and Gather indices as the positive ones that they mean",
    _OPERATORS,
    _rewrite,
)
