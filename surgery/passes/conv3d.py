"""A three-dimensional convolution of a single slice as a two-dimensional one.

Without it: video networks that are run frame by frame, and heads that were written for volumes,
hold Conv over (N, C, 1, H, W). XNNPACK and NNAPI take four axes ("input of rank 5, takes 4"), ncnn,
WebNN and WebGPU three or four.

Of a kernel over one slice, zeros around it, one tap along the depth meets that slice: the one at
padding / dilation. The others multiply zeros. So the weight loses that axis, the input is squeezed
and the output unsqueezed along it. Exact up to float32 rounding.

Declined: a depth other than 1, before or after; automatic padding; weights that are computed.
"""

from __future__ import annotations

import onnx

from .node_pass import Answer, Draft, Facts, NodePass, attribute

_DEPTH = 2  # axis of the input


def _rewrite(node: onnx.NodeProto, facts: Facts) -> Answer:
    shape, weight = facts.shape(node.input[0]), facts.constant(node.input[1])
    if shape is not None and len(shape) != 5:
        return None
    if shape is None or weight is None:
        return "its input's rank or its weight is not known"
    out = facts.shape(node.output[0])
    if shape[_DEPTH] != 1 or out is None or out[_DEPTH] != 1:
        return f"a depth of {shape[_DEPTH] or 'unknown size'}, expected 1 before and after"
    if attribute(node, "auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        return "automatic padding"
    pads = attribute(node, "pads") or [0] * 6
    dilations = attribute(node, "dilations") or [1] * 3
    tap, between = divmod(pads[0], dilations[0])
    if between or tap >= weight.shape[_DEPTH]:
        return "no tap of its kernel meets the slice"
    draft = Draft(node, facts)
    flat = _along_depth(draft, "Squeeze", node.input[0], facts.opset)
    made = draft.op(
        "Conv",
        flat,
        draft.weight(weight[:, :, tap]),
        *node.input[2:],
        kernel_shape=weight.shape[3:],
        pads=[*pads[1:3], *pads[4:6]],
        strides=(attribute(node, "strides") or [1] * 3)[1:],
        dilations=dilations[1:],
        group=attribute(node, "group", 1),
    )
    _along_depth(draft, "Unsqueeze", made, facts.opset, final=True)
    return draft


def _along_depth(draft: Draft, op_type: str, x: str, opset: int, *, final: bool = False) -> str:
    """Squeeze or Unsqueeze, whose axes are an input from opset 13 on."""
    if opset < 13:
        return draft.op(op_type, x, axes=[_DEPTH], final=final)
    return draft.op(op_type, x, draft.ints(_DEPTH, role="axes"), final=final)


CONV3D = NodePass(
    "conv3d",
    "three-dimensional Conv of a single slice as a two-dimensional one",
    ("Conv",),
    _rewrite,
)
