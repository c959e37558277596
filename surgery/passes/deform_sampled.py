"""DeformConv as GridSample and a 1x1 Conv, for a file whose network in torch is not there.

Without it: OpenVINO, OpenCV, ncnn, Core ML and NNAPI have no DeformConv ("not among its operators",
OpenVINO: "No conversion for operation DeformConv"), and a graph that somebody else exported cannot
go back to its torch module.

A deformable convolution samples its input at k = kh * kw places for each output pixel, p = p_out *
stride - pad + tap * dilation + offset (Zhu et al., "Deformable ConvNets v2", 2019, equation 1),
multiplies by the mask, and convolves. Here all places are one GridSample over a grid of k * h rows,
bilinear with zeros outside and aligned corners, so that the grid is 2 p / (size - 1) - 1; the
samples times the mask are a tensor of C * k channels, and the kernel a 1x1 Conv over them. Exact up
to float32 rounding. Memory: k times the input.

Declined: sizes that are not known, an input of one row or column, opsets below 16 (GridSample).
"""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray

from ..graph.view import View
from .node_pass import Answer, Draft, NodePass, attribute


def _rewrite(node: onnx.NodeProto, view: View) -> Answer:
    source, sizes = view.sizes(node.input[0]), view.sizes(node.input[2])
    weight = view.constant(node.input[1])
    if source is None or sizes is None:
        return "its sizes are not known: fix them first"
    if weight is None:
        return "its weight is computed"
    batch, channels, height, width = source
    if 1 in (height, width):
        return "its input is one row or column"
    rows, columns = sizes[2:]
    kernel = weight.shape[2:]
    taps = kernel[0] * kernel[1]
    groups = attribute(node, "offset_group", 1)
    group = attribute(node, "group", 1)
    draft = Draft(node, view)
    shape = draft.ints(batch * groups, taps, 2, rows, columns, role="apart")
    offsets = draft.op("Reshape", node.input[2], shape)
    places = draft.op("Add", offsets, draft.weight(_places(node, kernel, rows, columns), "places"))
    scale = np.array([2 / (height - 1), 2 / (width - 1)], np.float32).reshape(1, 1, 2, 1, 1)
    scaled = draft.op("Mul", places, draft.weight(scale, "scale"))
    grid = draft.op("Sub", scaled, draft.weight(np.array(1, np.float32), "one"))
    grid = draft.op("Transpose", grid, perm=[0, 1, 3, 4, 2])  # (.., y, x)
    swapped = draft.op("Gather", grid, draft.ints(1, 0, role="order"), axis=4)
    wide = draft.ints(batch * groups, taps * rows, columns, 2, role="grid")
    grid = draft.op("Reshape", swapped, wide)
    each = channels // groups
    images = node.input[0]
    if groups > 1:
        by_group = draft.ints(batch * groups, each, height, width, role="groups")
        images = draft.op("Reshape", images, by_group)
    sampled = draft.op(
        "GridSample", images, grid, mode="bilinear", padding_mode="zeros", align_corners=1
    )
    apart = draft.ints(batch * groups, each, taps, rows, columns, role="samples")
    sampled = draft.op("Reshape", sampled, apart)
    mask = view.input(node, 4)
    if mask:
        one = draft.ints(batch * groups, 1, taps, rows, columns, role="masks")
        sampled = draft.op("Mul", sampled, draft.op("Reshape", mask, one))
    flat = draft.ints(batch, channels * taps, rows, columns, role="flat")
    flat_samples = draft.op("Reshape", sampled, flat)
    pointwise = np.ascontiguousarray(weight.reshape(weight.shape[0], -1, 1, 1))
    inputs = [flat_samples, draft.weight(pointwise)]
    if bias := view.input(node, 3):
        inputs.append(bias)
    draft.op("Conv", *inputs, kernel_shape=[1, 1], group=group, final=True)
    return draft


def _places(
    node: onnx.NodeProto, kernel: tuple[int, ...], rows: int, columns: int
) -> NDArray[np.float32]:
    """Rows and columns of the taps without offsets, (1, taps, 2: y x, rows, columns), pixels."""
    pads = attribute(node, "pads", [0] * 4)
    strides, dilations = (attribute(node, name, [1, 1]) for name in ("strides", "dilations"))
    tap = np.mgrid[: kernel[0], : kernel[1]].reshape(2, -1).T * np.array(dilations)
    out = np.mgrid[:rows, :columns] * np.array(strides)[:, None, None]
    places = tap[:, :, None, None] + out[None] - np.array(pads[:2])[None, :, None, None]
    return np.asarray(places[None], np.float32)


DEFORM_SAMPLED = NodePass(
    "deform_sampled",
    "DeformConv as GridSample and a 1x1 Conv",
    ("DeformConv",),
    _rewrite,
    opsets=range(19, 1000),
)
