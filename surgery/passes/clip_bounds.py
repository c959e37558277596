"""Clip with bounds that are missing, computed or out of the ordinary, as Relu, Max and Min.

Without it: from opset 11 on Clip's bounds are inputs, each of which may be left out or come from
another node. XNNPACK takes constants only ("input min must be constant"), and NNAPI two pairs of
them: "Clip only supports [min, max] = [0, 6] or [-1, 1]". Where a target has Relu but no Clip, the
plain set of operators for one, a Clip from 0 up is refused for its name.

Clip(x, min=0) is Relu; one bound is Max or Min with it; computed bounds are Min(Max(x, low), high),
which is how ONNX defines Clip, also where low is above high. Exact to the bit, but for inputs that
are NaN: run times differ on what Max and Min make of those.

Declined: those two pairs, which every target with a Clip takes, and integers before opset 12, for
which Max and Min are not there.
"""

from __future__ import annotations

import onnx
from onnx import TensorProto

from ..graph.view import View
from .node_pass import Answer, Draft, NodePass

TAKEN = ((0.0, 6.0), (-1.0, 1.0))
_FLOATS = {TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BFLOAT16}


def _rewrite(node: onnx.NodeProto, view: View) -> Answer:
    low, high = view.input(node, 1), view.input(node, 2)
    least, most = (view.constant(name) if name else None for name in (low, high))
    if least is not None and most is not None and (float(least), float(most)) in TAKEN:
        return None
    floats = view.element_type(node.input[0]) in _FLOATS
    if not floats and view.opset < 12:
        return "Max and Min take no integers before opset 12"
    draft, x = Draft(node, view), node.input[0]
    if not low and not high:
        draft.op("Identity", x, final=True)
    elif least is not None and floats and not least.any() and not high:
        draft.op("Relu", x, final=True)
    else:
        if low:
            x = draft.op("Max", x, low, final=not high)
        if high:
            draft.op("Min", x, high, final=True)
    return draft


CLIP_BOUNDS = NodePass(
    "clip_bounds",
    "Clip with missing, computed or unusual bounds as Relu, Max and Min",
    ("Clip",),
    _rewrite,
)
