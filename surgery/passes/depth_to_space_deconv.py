"""DepthToSpace as a ConvTranspose whose kernels are unit vectors.

Without it: XNNPACK, ncnn's ONNX converter and the plain set of operators have no DepthToSpace ("not
among its operators"), though all of them have ConvTranspose; a network that ends in a pixel shuffle
leaves the accelerator there.

A transposed convolution with a kernel of s by s and stride s writes each input channel to the
pixels of a block that its kernel names, and blocks do not overlap. In mode CRD the s s channels of
one output lie together: a grouped layer, one group an output, with as many multiply-adds as the
input has elements, s s times over. In mode DCR they lie apart: where an ungrouped Conv makes the
tensor its outputs are put in CRD order first, elsewhere the layer is dense, and costs as many times
more as there are output channels. Exact to the bit: the other products are zeros.

Declined: a number of channels that is not known, and elements other than float32.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto

from ..graph.view import View
from .depth_to_space import reordered
from .node_pass import Answer, Array, Draft, NodePass, attribute


def _rewrite(node: onnx.NodeProto, view: View) -> Answer:
    x, block = node.input[0], attribute(node, "blocksize")
    shape = view.shape(x)
    channels = shape[1] if shape else None
    if not isinstance(channels, int):
        return "the number of channels is not known"
    if view.element_type(x) != TensorProto.FLOAT:
        return "its elements are not float32"
    draft, outputs = Draft(node, view), channels // block**2
    grouped = attribute(node, "mode", "DCR") == "CRD"
    if not grouped:
        order = np.arange(channels).reshape(block * block, outputs).T.reshape(-1)
        ordered = reordered(draft, view.makers.get(x), view, order)
        grouped, x = ordered is not None, ordered or x
    weight = unit_kernels(outputs, block)
    if not grouped:
        weight = _dense(weight, outputs, block)
    draft.op(
        "ConvTranspose",
        x,
        draft.weight(weight),
        kernel_shape=[block, block],
        strides=[block, block],
        group=outputs if grouped else 1,
        final=True,
    )
    return draft


def unit_kernels(outputs: int, block: int) -> Array:
    """Weight (outputs * block^2, 1, block, block) of the grouped layer."""
    taps = block * block
    return np.tile(
        np.eye(taps, dtype=np.float32).reshape(taps, 1, block, block), (outputs, 1, 1, 1)
    )


def _dense(weight: Array, outputs: int, block: int) -> Array:
    """The weight of the ungrouped layer for channels in DCR order."""
    dense = np.zeros((block * block, outputs, outputs, block, block), np.float32)
    every = np.arange(outputs)
    dense[:, every, every] = weight[: block * block, 0][:, None]
    return dense.reshape(-1, outputs, block, block)


DEPTH_TO_SPACE_DECONV = NodePass(
    "depth_to_space_deconv",
    "DepthToSpace as a ConvTranspose with unit kernels",
    ("DepthToSpace",),
    _rewrite,
)
