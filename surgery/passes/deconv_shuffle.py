"""ConvTranspose as ordinary convolutions and a DepthToSpace: Conv, Concat, pixel shuffle.

Without it: NNAPI has no ConvTranspose, so the eight depthwise upsampling layers of a DLA backbone
(kernel 4 stride 2, kernel 8 stride 4) cut the default e2ec graph into four partitions there ("not
among its operators"). LiteRT's has no groups: onnx2tf 2.6.9 writes one for each group, 24 a layer.

A transposed convolution of stride s is s * s convolutions of stride 1, one for each sub-pixel phase
of its output; DepthToSpace (mode DCR, depth ordered by phase first) puts the phases in their places
(Shi et al., "Is the deconvolution layer the same as a convolutional layer?", 2016). Padding, output
padding, groups, dilation, bias, uneven kernels and open sizes are all covered: a kernel that the
stride does not divide gives phases with windows of different sizes, and an output that it does not
divide is cut by a Slice. Multiply-adds stay the same. An ungrouped layer whose phases have a window
in common (kernel and stride equal) becomes one convolution.

Exact up to float32 rounding: the same products are summed in another order.

Declined: strides that differ between the axes, which DepthToSpace does not know, and one- or
three-dimensional layers; ``deconv_interleave`` takes the first two.
"""

from __future__ import annotations

import onnx

from ..graph.view import View
from .deconvolution import describe
from .node_pass import Answer, Draft, NodePass
from .subpixel import Phases


def _rewrite(node: onnx.NodeProto, view: View) -> Answer:
    layer = describe(node, view)
    if isinstance(layer, str):
        return layer
    if len(layer.strides) != 2:
        return f"DepthToSpace takes two axes, this layer has {len(layer.strides)}"
    stride, other = layer.strides
    if stride != other:
        return f"DepthToSpace takes one stride, got {stride} and {other}"
    phases, draft = Phases.of(layer), Draft(node, view)
    parts = phases.convolve(draft, node.input[0])
    if stride == 1:
        return draft
    cropped = any(phases.crop)
    deep = parts[0] if len(parts) == 1 else draft.op("Concat", *parts, axis=1)
    wide = draft.op("DepthToSpace", deep, blocksize=stride, mode="DCR", final=not cropped)
    if cropped:
        phases.cut(draft, wide)
    return draft


DECONV_SHUFFLE = NodePass(
    "deconv_shuffle",
    "ConvTranspose as Conv for each sub-pixel phase, then DepthToSpace",
    ("ConvTranspose",),
    _rewrite,
)
