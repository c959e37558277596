"""Resize in the axes, the rounding, or the operator that a target takes."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto

from postprocess.errors import InputError

from ..graph.view import View
from .node_pass import Answer, Draft, NodePass, attribute
from .resizing import Resizing, describe

_TO_NCHW, _TO_NHWC = (0, 3, 1, 2), (0, 2, 3, 1)
SCALES, SIZES = 2, 3  # inputs of the node


def _resize(node: onnx.NodeProto, view: View) -> Answer:
    """Resize over channels-last tensors as one over channels-first tensors, between transposes.

    ONNX's Resize takes any axes, and TensorFlow's converters use that: scales (1, s, s, 1) on (N,
    H, W, C). Most targets resize the last two axes alone, and ONNX Runtime's transpose optimizer
    stops in front of a Resize. With the pair of transposes around it the pass ``transpose`` goes
    on.
    """
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
    _resize,
)


TRIED = 16  # elements, where the size is open: the rule for whole factors does not depend on it


def _resize_nearest(node: onnx.NodeProto, view: View) -> Answer:
    """Nearest-neighbour Resize by a whole factor in the one form that every target takes.

    Without it: the same repetition of pixels can be written in twenty ways (five coordinate rules,
    four roundings), of which a target takes some. ONNX's own default is half_pixel with
    round_prefer_floor; ONNX Runtime's providers say "Resize nearest neighbor, unsupported
    nearest_mode, round_prefer_floor" (NNAPI, which wants asymmetric and floor) and "Resize only
    supports 'floor' nearest_mode" (Core ML).

    Where the factor is whole and the rule picks input floor(o / s) for each output o, the
    attributes become coordinate_transformation_mode=asymmetric, nearest_mode=floor. The rule is not
    reasoned about but tried: ONNX Runtime's kernel resizes the unit vectors of the axis. Exact to
    the bit.

    Declined: rules that pick other pixels (asymmetric rounded up, align_corners), and factors that
    are not whole; ``resize_matmul`` takes those.
    """
    plain = attribute(node, "nearest_mode", "round_prefer_floor") == "floor"
    if attribute(node, "mode", "nearest") != "nearest":
        return None
    resizing = describe(node, view)
    if isinstance(resizing, str):
        return resizing
    if plain and resizing.coordinates == "asymmetric":
        return None
    for axis in resizing.scales:
        factor = resizing.factor(axis)
        if factor is None:
            return f"it scales axis {axis} by {resizing.scales[axis]:g}"
        if not repeats(resizing, axis, factor):
            return (
                f"{resizing.coordinates} picks other pixels than the {factor} times repeated ones"
            )
    draft = Draft(node, view)
    kept = {
        a.name: attribute(node, a.name)
        for a in node.attribute
        if a.name not in ("coordinate_transformation_mode", "nearest_mode", "cubic_coeff_a")
    }
    draft.op(
        "Resize",
        *node.input,
        final=True,
        **{**kept, "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
    )
    return draft


def repeats(resizing: Resizing, axis: int, factor: int) -> bool:
    """Whether output o along ``axis`` is input floor(o / factor)."""
    size = resizing.sizes.get(axis, (TRIED, 0))[0]
    try:
        found = resizing.matrix(axis, size)
    except InputError:
        return False
    return np.array_equal(found, np.eye(size, dtype=np.float32).repeat(factor, axis=0))


RESIZE_NEAREST = NodePass(
    "resize_nearest",
    "nearest-neighbour Resize by a whole factor with asymmetric coordinates, rounded down",
    ("Resize",),
    _resize_nearest,
)


def _resize_matmul(node: onnx.NodeProto, view: View) -> Answer:
    """Resize of any mode as a matrix product along each axis.

    Without it: cubic interpolation, align_corners, antialiasing and the rarer roundings are what a
    target leaves out of its Resize ("mode=cubic, takes linear", XNNPACK; "many combinations of
    modes are not supported", Core ML; no align_corners when it shrinks, WebGPU); such a node runs
    on the CPU and splits the graph.

    Resize is linear and separable: Y = A X B^T for each channel, with one constant matrix for the
    rows and one for the columns. MatMul broadcasts them over batch and channels. The matrices are
    ONNX Runtime's own, read off by resizing the unit vectors, so that every attribute is honoured.
    Exact up to float32 rounding.

    It multiplies with whole rows, most of whose weights are zero: an output costs as many
    multiply-adds as an axis has elements, twice. On a 32 by 32 map that is 64 where linear
    interpolation needs 4, so that it is for small maps and for targets that multiply matrices well.
    Whole-number factors in the modes "nearest" and "linear" are cheaper by ``resize_deconv``.

    Declined: sizes that are not known, axes other than the last two, tf_crop_and_resize,
    keep_aspect_ratio_policy other than stretch, and element types other than float32.
    """
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
    _resize_matmul,
)
