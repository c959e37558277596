"""Resize over channels-last tensors written as one over channels-first tensors between transposes.

ONNX's Resize takes any axes, and TensorFlow's converters use that: scales (1, s, s, 1) on
(N, H, W, C). Most targets resize the last two axes alone, and ONNX Runtime's transpose optimizer
stops in front of a Resize. With the pair of transposes around it the pass ``transpose`` goes on.
"""

from __future__ import annotations

import onnx

from ..graph.view import View
from .node_pass import Answer, Draft, NodePass, attribute

_TO_NCHW, _TO_NHWC = (0, 3, 1, 2), (0, 2, 3, 1)
SCALES, SIZES = 2, 3  # inputs of the node


def _rewrite(node: onnx.NodeProto, view: View) -> Answer:
    if not _is_channels_last(node, view):
        return None
    draft = Draft(node, view)
    first = draft.op("Transpose", node.input[0], perm=_TO_NCHW)
    resized = draft.like(node)
    resized.input[0] = first
    for position in (SCALES, SIZES):
        name = view.input(node, position)
        values = view.constant(name) if name else None
        if values is not None:
            resized.input[position] = draft.weight(values[list(_TO_NCHW)])
    draft.behind(resized, "Transpose", perm=_TO_NHWC)
    return draft


def _is_channels_last(node: onnx.NodeProto, view: View) -> bool:
    """Whether the scales or sizes leave the last of four axes as it is, and not the second."""
    if attribute(node, "axes") is not None or view.input(node, 1):  # a region is given by axis
        return False
    scales, sizes = (
        view.constant(name) if (name := view.input(node, position)) else None
        for position in (SCALES, SIZES)
    )
    if scales is not None and len(scales) == 4:
        return bool(scales[3] == 1 and scales[1] != 1)
    shape = view.shape(node.input[0])
    if sizes is None or len(sizes) != 4 or shape is None or len(shape) != 4:
        return False
    return bool(sizes[3] == shape[3] and sizes[1] != shape[1])


RESIZE = NodePass(
    "resize",
    "Resize over (N, H, W, C) as one over (N, C, H, W) between transposes",
    ("Resize",),
    _rewrite,
)
