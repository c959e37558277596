"""DepthToSpace in the mode that a target takes, or as the ConvTranspose that every target has."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto

from ..graph.view import View
from .node_pass import Answer, Array, Draft, NodePass, attribute


def _depth_to_space(node: onnx.NodeProto, view: View) -> Answer:
    """DepthToSpace in mode CRD, which PyTorch's pixel_shuffle is, as mode DCR.

    Without it: NNAPI takes DepthToSpace with mode DCR alone ("mode=CRD, takes DCR"), and Core ML
    takes CRD only for fixed shapes; super-resolution networks and many heads end in a pixel
    shuffle.

    The modes differ in the order of the channels: CRD has (C, s, s), DCR (s, s, C). Where an
    ungrouped Conv with constant weights makes the tensor, and nothing else reads it, its output
    channels change places, which costs nothing; elsewhere a Gather along the channels puts them in
    order. Exact to the bit.

    Declined: a number of channels that is not known.
    """
    if attribute(node, "mode", "DCR") == "DCR":
        return None
    x, block = node.input[0], attribute(node, "blocksize")
    shape = view.shape(x)
    channels = shape[1] if shape else None
    if not isinstance(channels, int):
        return "the number of channels is not known"
    order = np.arange(channels).reshape(-1, block * block).T.reshape(-1)
    draft = Draft(node, view)
    ordered = reordered(draft, view.makers.get(x), view, order)
    if ordered is None:
        ordered = draft.op("Gather", x, draft.weight(order, "order"), axis=1)
    draft.op("DepthToSpace", ordered, blocksize=block, mode="DCR", final=True)
    return draft


def reordered(
    draft: Draft,
    made: onnx.NodeProto | None,
    view: View,
    order: np.ndarray[tuple[int], np.dtype[np.int64]],
) -> str | None:
    """Add the convolution ``made`` with its outputs in ``order``; None where it cannot be had."""
    if made is None or made.op_type != "Conv" or attribute(made, "group", 1) != 1:
        return None
    weight, named = view.constant(made.input[1]), view.input(made, 2)
    bias = view.constant(named) if named else None
    if weight is None or (named and bias is None) or not view.only_reader(made.output[0]):
        return None
    inputs = [made.input[0], draft.weight(weight[order])]
    if bias is not None:
        inputs.append(draft.weight(bias[order], "bias"))
    return draft.op("Conv", *inputs, **{a.name: attribute(made, a.name) for a in made.attribute})


DEPTH_TO_SPACE = NodePass(
    "depth_to_space",
    "DepthToSpace in mode CRD as mode DCR, its channels put in order",
    ("DepthToSpace",),
    _depth_to_space,
)


def _depth_to_space_deconv(node: onnx.NodeProto, view: View) -> Answer:
    """DepthToSpace as a ConvTranspose whose kernels are unit vectors.

    Without it: XNNPACK, ncnn's ONNX converter and the plain set of operators have no DepthToSpace
    ("not among its operators"), though all of them have ConvTranspose; a network that ends in a
    pixel shuffle leaves the accelerator there.

    A transposed convolution with a kernel of s by s and stride s writes each input channel to the
    pixels of a block that its kernel names, and blocks do not overlap. In mode CRD the s s channels
    of one output lie together: a grouped layer, one group an output, with as many multiply-adds as
    the input has elements, s s times over. In mode DCR they lie apart: where an ungrouped Conv
    makes the tensor its outputs are put in CRD order first, elsewhere the layer is dense, and costs
    as many times more as there are output channels. Exact to the bit: the other products are zeros.

    Declined: a number of channels that is not known, and elements other than float32.
    """
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
    _depth_to_space_deconv,
)
