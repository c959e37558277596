"""auto_pad of convolutions and pooling written out as pads.

Without it: where SAME_UPPER has to pad by an odd number of pixels, the last one belongs behind the
data. OpenCV's dnn module and pnnx put it in front: a network of keras2onnx or tf2onnx opens, runs,
and is a pixel off in each layer of stride 2 (the landmarks of MTCNN by 0.11 of the picture). Core
ML's and NNAPI's converters refuse what they do not know ("auto_pad=SAME_LOWER").

For an output of ceil(size / stride) the padding is (outputs - 1) * stride + (kernel - 1) * dilation
+ 1 - size in all, half of it in front, the odd pixel behind (SAME_UPPER) or in front (SAME_LOWER),
as ONNX defines it. Exact to the bit.

Declined: sizes that are not known, and AveragePool that counts its padding.
"""

from __future__ import annotations

import onnx

from ..graph.view import View
from .node_pass import Answer, Draft, NodePass, attribute, set_attribute


def _rewrite(node: onnx.NodeProto, view: View) -> Answer:
    rule = attribute(node, "auto_pad", "NOTSET")
    if rule == "NOTSET":
        return None
    sizes = view.sizes(node.input[0])
    kernel = attribute(node, "kernel_shape")
    if kernel is None and len(node.input) > 1:
        weight = view.sizes(node.input[1])
        kernel = None if weight is None else weight[2:]
    if kernel is None:
        return "its kernel's size is not known"
    if rule == "VALID":
        begin = end = [0] * len(kernel)
    elif sizes is None:
        return "its input's size is not known: fix it first"
    elif attribute(node, "ceil_mode", 0):
        return "ceil_mode beside auto_pad"
    else:
        begin, end = _pads(node, rule, sizes[2:], kernel)
    draft = Draft(node, view)
    copy = draft.like(node)
    set_attribute(copy, "auto_pad", None)
    set_attribute(copy, "pads", [*begin, *end])
    return draft


def _pads(
    node: onnx.NodeProto, rule: str, sizes: tuple[int, ...], kernel: tuple[int, ...]
) -> tuple[list[int], list[int]]:
    """Pixels in front of and behind each axis."""
    ones = [1] * len(kernel)
    strides, dilations = (attribute(node, name, ones) for name in ("strides", "dilations"))
    begin, end = [], []
    for size, taps, stride, dilation in zip(sizes, kernel, strides, dilations, strict=True):
        outputs = -(-size // stride)
        total = max(0, (outputs - 1) * stride + (taps - 1) * dilation + 1 - size)
        less, more = total // 2, total - total // 2
        begin.append(less if rule == "SAME_UPPER" else more)
        end.append(more if rule == "SAME_UPPER" else less)
    return begin, end


AUTO_PAD = NodePass(
    "auto_pad",
    "auto_pad of Conv, MaxPool and AveragePool written out as pads",
    ("Conv", "MaxPool", "AveragePool"),
    _rewrite,
    opsets=range(7, 1000),
)
