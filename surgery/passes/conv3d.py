"""A three-dimensional convolution as a two-dimensional one over all slices at once.

Without it: video networks, and heads that were written for volumes, hold Conv over (N, C, D, H, W).
XNNPACK and NNAPI take four axes ("input of rank 5, takes 4"), ncnn, WebNN and WebGPU three or four.

The slices are channels then, (N, C * D, H, W), which moves nothing in memory. Output slice t reads
input slice s through tap k where s = t * stride + k * dilation - padding, so with zeros elsewhere

    w'[(o, t), (c, s), :, :] = w[o, c, k, :, :]

is an ordinary kernel of as many groups as before. Exact up to float32 rounding. The multiply-adds
along the depth grow from the kernel's taps to all D slices; of a single slice (networks run frame
by frame) one tap is left, and there is less to compute than before. Other operators between two of
these convolutions keep their five axes.

Declined: a depth, or with several slices a height or width, that is not known; automatic padding;
weights that are computed or would take more than 256 MB.
"""

from __future__ import annotations

import numpy as np
import onnx

from ..graph.view import View
from ..graph.weights import Array
from .node_pass import Answer, Draft, NodePass, attribute

_DEPTH = 2  # axis of the input
_LARGEST = 1 << 28  # bytes of a kernel over all slices


def _rewrite(node: onnx.NodeProto, view: View) -> Answer:
    shape, weight = view.shape(node.input[0]), view.constant(node.input[1])
    if shape is not None and len(shape) != 5:
        return None
    out = view.shape(node.output[0])
    if shape is None or weight is None or out is None:
        return "its input's rank or its weight is not known"
    depth, slices = shape[_DEPTH], out[_DEPTH]
    if not isinstance(depth, int) or not isinstance(slices, int):
        return "its depth is not known"
    single = depth == slices == 1
    planes = [*shape[3:], *out[3:]]
    if not single and not all(isinstance(size, int) for size in planes):
        return "its height or width is not known"
    if attribute(node, "auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        return "automatic padding"
    if weight.nbytes * depth * slices // weight.shape[_DEPTH] > _LARGEST:
        return f"a kernel over {depth} slices would take more than {_LARGEST >> 20} MB"
    bias = view.constant(node.input[2]) if len(node.input) > 2 else np.zeros(0, np.float32)
    if bias is None:
        return "its bias is computed"
    pads = attribute(node, "pads") or [0] * 6
    dilations = attribute(node, "dilations") or [1] * 3
    strides = attribute(node, "strides") or [1] * 3
    flat = over_slices(weight, depth, slices, strides[0], dilations[0], pads[0])
    draft = Draft(node, view)
    made = draft.op(
        "Conv",
        _to_planes(draft, node.input[0], shape, view.opset, single),
        draft.weight(flat),
        *([draft.weight(np.repeat(bias, slices), "bias")] if bias.size else []),
        kernel_shape=weight.shape[3:],
        pads=[*pads[1:3], *pads[4:6]],
        strides=strides[1:],
        dilations=dilations[1:],
        group=attribute(node, "group", 1),
    )
    if single:
        _along_depth(draft, "Unsqueeze", made, view.opset, final=True)
    else:
        sizes = draft.ints(0, len(weight), *(int(size or 0) for size in out[_DEPTH:]), role="shape")
        draft.op("Reshape", made, sizes, final=True)
    return draft


def over_slices(
    weight: Array, depth: int, slices: int, stride: int, dilation: int, padding: int
) -> Array:
    """Kernel (O * slices, C * depth, kh, kw) of the kernel (O, C, kd, kh, kw)."""
    outputs, inputs, taps, height, width = weight.shape
    flat = np.zeros((outputs, slices, inputs, depth, height, width), weight.dtype)
    for target in range(slices):
        for tap in range(taps):
            source = target * stride + tap * dilation - padding
            if 0 <= source < depth:
                flat[:, target, :, source] = weight[:, :, tap]
    return flat.reshape(outputs * slices, inputs * depth, height, width)


def _to_planes(
    draft: Draft, x: str, shape: tuple[int | str | None, ...], opset: int, single: bool
) -> str:
    """(N, C, D, H, W) -> (N, C * D, H, W)."""
    if single:
        return _along_depth(draft, "Squeeze", x, opset)
    height, width = (int(size or 0) for size in shape[3:])
    return draft.op("Reshape", x, draft.ints(0, -1, height, width, role="shape"))


def _along_depth(draft: Draft, op_type: str, x: str, opset: int, *, final: bool = False) -> str:
    """Squeeze or Unsqueeze, whose axes are an input from opset 13 on."""
    if opset < 13:
        return draft.op(op_type, x, axes=[_DEPTH], final=final)
    return draft.op(op_type, x, draft.ints(_DEPTH, role="axes"), final=final)


CONV3D = NodePass(
    "conv3d",
    "three-dimensional Conv as a two-dimensional one over all slices",
    ("Conv",),
    _rewrite,
)
