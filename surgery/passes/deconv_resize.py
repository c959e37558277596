"""ConvTranspose as a nearest-neighbour Resize and an ordinary convolution, where that is exact.

Without it: NNAPI has no ConvTranspose ("not among its operators"), but Resize and Conv. Odena et
al., "Deconvolution and checkerboard artifacts", 2016, recommend this form for training, too.

A transposed convolution puts s - 1 zeros between its inputs and convolves with the kernel w; a
nearest-neighbour Resize is the same with the kernel (1, ..., 1) of s taps. So the two agree with a
convolution by v behind the Resize exactly where w = (1, ..., 1) * v along each axis: where, written
as a polynomial, the kernel is divisible by 1 + z + ... + z^(s - 1). Bilinear kernels are, with
which DLA and FCN begin their upsampling: (1, 3, 3, 1) / 4 = (1, 1) * (1, 2, 1) / 4. Zeros outside
the input stay zeros, so that the border is exact as well.

The quotient is taken by long division in float64, and the layer is declined where quotient times
divisor misses a weight by more than 4 units of float32 rounding of the largest: trained kernels
rarely divide (none of the demo networks' eight do), fixed bilinear ones always. The convolution
works at the output's size: (K - s + 1)^2 multiply-adds an output where there were (K / s)^2.
"""

from __future__ import annotations

import numpy as np
import onnx

from ..graph.view import View
from .deconvolution import Deconvolution, describe
from .node_pass import Answer, Array, Draft, NodePass
from .resizing import REQUIRED

ROUNDING = 4 * np.finfo(np.float32).eps


def _rewrite(node: onnx.NodeProto, view: View) -> Answer:
    layer = describe(node, view)
    if isinstance(layer, str):
        return layer
    weight = layer.as_convolution().astype(np.float64)
    for axis, stride in enumerate(layer.strides, start=2):
        divided = _divided(weight, axis, stride)
        if isinstance(divided, str):
            return divided
        weight = divided
    return _draft(node, view, layer, weight)


def _divided(weight: Array, axis: int, stride: int) -> Array | str:
    """The kernel along ``axis`` by (1, ..., 1) of ``stride`` taps, or why it does not divide."""
    taps = weight.shape[axis]
    if taps < stride:
        return f"a kernel of {taps} leaves gaps at stride {stride}"
    rest = np.moveaxis(weight, axis, -1).copy()
    count = taps - stride + 1
    quotient = np.zeros((*rest.shape[:-1], count))
    for tap in range(count):
        quotient[..., tap] = rest[..., tap]
        rest[..., tap : tap + stride] -= quotient[..., tap, None]
    left, scale = float(np.abs(rest).max()), float(np.abs(weight).max())
    if left > ROUNDING * scale:
        return (
            f"its kernel is not made of {stride} equal taps: {left / scale:.2g} of the largest "
            "weight is left over"
        )
    return np.moveaxis(quotient, -1, axis)


def _draft(node: onnx.NodeProto, view: View, layer: Deconvolution, weight: Array) -> Draft:
    draft = Draft(node, view)
    flipped = np.flip(weight, tuple(range(2, weight.ndim)))
    before, after = [], []
    for axis, (padding, growth) in enumerate(zip(layer.padding, layer.growth, strict=True), 2):
        taps = flipped.shape[axis]
        begin = taps - 1 - padding
        lead = max(0, -begin)  # zero taps stand in for a negative padding
        end = growth + taps - 1 - begin
        trail = max(0, -end)
        widths = [(lead, trail) if a == axis else (0, 0) for a in range(flipped.ndim)]
        flipped = np.pad(flipped, widths)
        before.append(begin + lead)
        after.append(end + trail)
    scales = draft.weight(np.array([1, 1, *layer.strides], np.float32), "scales")
    roi = draft.weight(np.zeros(0, np.float32), "roi") if view.opset < REQUIRED else ""
    wide = draft.op(
        "Resize",
        node.input[0],
        roi,
        scales,
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )
    draft.op(
        "Conv",
        wide,
        draft.weight(flipped.astype(layer.weight.dtype)),
        *node.input[2:],
        kernel_shape=flipped.shape[2:],
        pads=before + after,
        group=layer.groups,
        final=True,
    )
    return draft


DECONV_RESIZE = NodePass(
    "deconv_resize",
    "ConvTranspose as nearest-neighbour Resize and Conv, for kernels that allow it",
    ("ConvTranspose",),
    _rewrite,
)
