"""Constant indices in int32 instead of int64, for targets that have no int64.

Exporters write every index, slice bound and axis as int64, which is torch's type. NNAPI takes
Gather with indices that are not int32 only where they are constant, LiteRT delegates and WebGPU
shaders have no 64-bit integers at all, and each conversion at load time is one more that can fail.
ONNX lets Gather, GatherElements, ScatterElements and Slice have indices of either type, so that the
constants can be written in int32 at once.

Exact: a constant that int32 cannot hold is declined, but for the bounds of Slice, where what lies
beyond the largest int32 stands for "to the end" (exporters write 2^63 - 1). Indices that are
computed are the affair of the pass ``int32``. GatherND and ScatterND take int64 alone.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto

from ..graph.view import View
from .node_pass import Answer, Array, Draft, NodePass

# Inputs that hold indices.
_PLACES = {
    "Gather": (1,),
    "GatherElements": (1,),
    "ScatterElements": (1,),
    "Slice": (1, 2, 3, 4),
}
_INT32 = np.iinfo(np.int32)


def _rewrite(node: onnx.NodeProto, view: View) -> Answer:
    places = [p for p in _PLACES[node.op_type] if p < len(node.input) and node.input[p]]
    if all(view.element_type(node.input[p]) == TensorProto.INT32 for p in places):
        return None
    values = {place: view.constant(node.input[place]) for place in places}
    draft = Draft(node, view)
    names = list(node.input)
    for place, found in values.items():
        if found is None:
            return "its indices are computed"
        narrow = _narrow(found, bounds=node.op_type == "Slice")
        if narrow is None:
            return "int32 does not hold its indices"
        names[place] = draft.weight(narrow, "indices")
    draft.op(node.op_type, *names, final=True, **_attributes(node))
    return draft


def _attributes(node: onnx.NodeProto) -> dict[str, object]:
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def _narrow(values: Array, *, bounds: bool) -> Array | None:
    if bounds:
        values = values.clip(_INT32.min, _INT32.max)
    if values.size and (values.min() < _INT32.min or values.max() > _INT32.max):
        return None
    return values.astype(np.int32)


INT32_INDICES = NodePass(
    name="int32_indices",
    summary="constant indices of Gather, Slice and ScatterElements in int32",
    operators=tuple(_PLACES),
    rewrite=_rewrite,
)
