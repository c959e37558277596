"""ONNX Runtime's FusedConv as Conv, Add and an activation.

Without it: a file that ONNX Runtime saved after its own optimisations
(``optimized_model_filepath``, tools that ship "optimised" models) holds operators of the domain
com.microsoft. OpenCV, ncnn and TensorRT stop at the first: "Can't create layer of type
com.microsoft.FusedConv".

FusedConv(x, w, b, z) is activation(Conv(x, w, b) + z); z and the activation may be left out. Exact
to the bit where ONNX Runtime adds in the same order.

Declined: activations other than Relu, Sigmoid, Tanh, LeakyRelu, Clip and HardSigmoid.
"""

from __future__ import annotations

import numpy as np
import onnx

from ..graph.view import View
from .node_pass import Answer, Draft, NodePass, attribute

DOMAIN = "com.microsoft"
_OWN = ("activation", "activation_params")


def _rewrite(node: onnx.NodeProto, view: View) -> Answer:
    activation = attribute(node, "activation", "")
    parameters = [float(value) for value in attribute(node, "activation_params", [])]
    if activation not in ("", "Relu", "Sigmoid", "Tanh", "LeakyRelu", "Clip", "HardSigmoid"):
        return f"its activation is {activation}"
    draft = Draft(node, view)
    kept = {a.name: attribute(node, a.name) for a in node.attribute if a.name not in _OWN}
    added = view.input(node, 3)
    plain = not activation and not added
    inputs = [name for name in (*node.input[:2], view.input(node, 2)) if name]
    made = draft.op("Conv", *inputs, final=plain, **kept)
    if added:
        made = draft.op("Add", made, added, final=not activation)
    if activation in ("Relu", "Sigmoid", "Tanh"):
        draft.op(activation, made, final=True)
    elif activation == "LeakyRelu":
        draft.op(activation, made, final=True, alpha=(parameters or [0.01])[0])
    elif activation == "HardSigmoid":
        alpha, beta = parameters or (0.2, 0.5)
        draft.op(activation, made, final=True, alpha=alpha, beta=beta)
    elif activation == "Clip":
        low, high = (draft.weight(np.array(v, np.float32), "bound") for v in parameters[:2])
        draft.op(activation, made, low, high, final=True)
    return draft


FUSED_CONV = NodePass(
    "fused_conv",
    "FusedConv of ONNX Runtime as Conv, Add and an activation",
    ("FusedConv",),
    _rewrite,
    domain=DOMAIN,
)
