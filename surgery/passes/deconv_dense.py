"""A grouped ConvTranspose as an ungrouped one, with zeros between the groups.

Without it: a device whose ConvTranspose has no groups refuses every depthwise upsampling layer of a
DLA backbone ("group=24, takes 1"). LiteRT's has none: for it onnx2tf 2.6.9 takes a layer apart, a
TRANSPOSE_CONV for each group, and earlier versions of its direct path refused it.

Output channels of one group get weights of zero for the input channels of the others. Exact, to the
bit where the run time adds zeros in order. The price is ``groups`` times the multiply-adds and
weights of that layer: worth it on small maps, or where the target has a fast kernel for nothing
else. ``deconv_shuffle`` keeps the multiply-adds.
"""

from __future__ import annotations

import numpy as np
import onnx

from ..graph.view import View
from .node_pass import Answer, Draft, NodePass, attribute


def _rewrite(node: onnx.NodeProto, view: View) -> Answer:
    groups = attribute(node, "group", 1)
    if groups == 1:
        return None
    weight = view.constant(node.input[1])
    if weight is None:
        return "its weight is no constant"
    channels, outputs, *taps = weight.shape
    dense = np.zeros((groups, channels // groups, groups, outputs, *taps), weight.dtype)
    every = np.arange(groups)
    dense[every, :, every] = weight.reshape(groups, channels // groups, outputs, *taps)
    draft = Draft(node, view)
    kept = {a.name: attribute(node, a.name) for a in node.attribute if a.name != "group"}
    whole = draft.weight(dense.reshape(channels, groups * outputs, *taps))
    draft.op("ConvTranspose", node.input[0], whole, *node.input[2:], final=True, **kept)
    return draft


DECONV_DENSE = NodePass(
    "deconv_dense",
    "grouped ConvTranspose as one without groups, its weight filled up with zeros",
    ("ConvTranspose",),
    _rewrite,
)
