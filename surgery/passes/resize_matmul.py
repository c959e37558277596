"""Resize of any mode as a matrix product along each axis.

Without it: cubic interpolation, align_corners, antialiasing and the rarer roundings are what a
target leaves out of its Resize ("mode=cubic, takes linear", XNNPACK; "many combinations of modes
are not supported", Core ML; no align_corners when it shrinks, WebGPU); such a node runs on the CPU
and splits the graph.

Resize is linear and separable: Y = A X B^T for each channel, with one constant matrix for the rows
and one for the columns. MatMul broadcasts them over batch and channels. The matrices are ONNX
Runtime's own, read off by resizing the unit vectors, so that every attribute is honoured. Exact up
to float32 rounding.

It multiplies with whole rows, most of whose weights are zero: an output costs as many multiply-adds
as an axis has elements, twice. On a 32 by 32 map that is 64 where linear interpolation needs 4, so
that it is for small maps and for targets that multiply matrices well. Whole-number factors in the
modes "nearest" and "linear" are cheaper by ``resize_deconv``.

Declined: sizes that are not known, axes other than the last two, tf_crop_and_resize,
keep_aspect_ratio_policy other than stretch, and element types other than float32.
"""

from __future__ import annotations

import onnx
from onnx import TensorProto

from postprocess.errors import InputError

from ..graph.view import View
from .node_pass import Answer, Draft, NodePass
from .resizing import describe


def _rewrite(node: onnx.NodeProto, view: View) -> Answer:
    resizing = describe(node, view)
    if isinstance(resizing, str):
        return resizing
    rank = len(view.shape(node.input[0]) or ())
    if not resizing.scales:
        return None
    if not set(resizing.scales) <= {rank - 2, rank - 1}:
        return "it resizes other axes than the last two"
    if set(resizing.scales) != set(resizing.sizes):
        return "its input's height or width is not known"
    if view.element_type(node.input[0]) != TensorProto.FLOAT:
        return "its elements are not float32"
    draft, x = Draft(node, view), node.input[0]
    try:
        matrices = {axis: resizing.matrix(axis, pair[0]) for axis, pair in resizing.sizes.items()}
    except InputError as error:
        return str(error)
    last = min(matrices)
    for axis in sorted(matrices, reverse=True):  # the columns first
        if axis == rank - 1:
            x = draft.op("MatMul", x, draft.weight(matrices[axis].T, "columns"), final=axis == last)
        else:
            x = draft.op("MatMul", draft.weight(matrices[axis], "rows"), x, final=True)
    return draft


RESIZE_MATMUL = NodePass(
    "resize_matmul",
    "Resize of any mode as a MatMul with a constant matrix along each axis",
    ("Resize",),
    _rewrite,
)
