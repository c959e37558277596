"""GELU's factors in the order in which OpenCV can read them.

Without it: the fusion of OpenCV 5's dnn module looks for x * (1 + erf(x / sqrt 2)) * 0.5. Where the
half is multiplied first, as torch's newer exporter writes it, the process ends while it reads the
file: "Segmentation fault".

x * (0.5 * a) becomes (x * a) * 0.5. The factor is a power of two, so that both give the same bits
wherever no product leaves the range of normal numbers.
"""

from __future__ import annotations

import onnx

from ..graph.view import View
from .node_pass import Answer, Draft, NodePass


def _rewrite(node: onnx.NodeProto, view: View) -> Answer:
    for position in (0, 1):
        halved = view.makers.get(node.input[position])
        if halved is None or halved.op_type != "Mul" or not view.only_reader(halved.output[0]):
            continue
        for place in (0, 1):
            half, term = halved.input[place], halved.input[1 - place]
            value, made = view.constant(half), view.makers.get(term)
            if value is None or value.size != 1 or float(value.reshape(-1)[0]) != 0.5:
                continue
            if made is None or made.op_type != "Add" or not _erf(made, view):
                continue
            draft = Draft(node, view)
            product = draft.op("Mul", node.input[1 - position], term)
            draft.op("Mul", product, half, final=True)
            return draft
    return None


def _erf(node: onnx.NodeProto, view: View) -> bool:
    makers = [view.makers.get(name) for name in node.input]
    return any(maker is not None and maker.op_type == "Erf" for maker in makers)


GELU_ORDER = NodePass(
    "gelu_order",
    "the half in a GELU written with Erf is multiplied last",
    ("Mul",),
    _rewrite,
    opsets=range(9, 1000),
)
