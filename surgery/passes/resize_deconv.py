"""Nearest and linear Resize by a whole factor as a depthwise ConvTranspose.

Without it: XNNPACK resizes linearly alone ("mode=nearest, takes linear"), NNAPI below API level 30
takes no half_pixel coordinates, and the plain set of operators has no Resize at all; a feature
pyramid's upsampling then splits the graph at every level.

Repeating pixels s times is a transposed convolution of stride s by s ones. Linear interpolation by
s is one by a triangle, whose taps are read off from ONNX Runtime's own matrix for the axis
(:mod:`surgery.passes.resizing`), for every coordinate rule whose weights repeat from one input
pixel to the next: half_pixel, pytorch_half_pixel, asymmetric. At the border Resize holds the
outermost pixel, where a transposed convolution sees zeros: the outermost row is concatenated to
each side first, and the padding of the ConvTranspose cuts off what comes of it. Exact up to float32
rounding; to the bit for "nearest".

Where the target has no ConvTranspose either, ``deconv_shuffle`` goes on from here.

Declined: factors that are not whole, align_corners and cubic interpolation (``resize_matmul``),
axes other than the last two, an unknown number of channels, and elements other than float32.
"""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto

from postprocess.errors import InputError

from ..graph.view import View
from .node_pass import Answer, Draft, NodePass
from .resize import repeats
from .resizing import Resizing, describe

SPAN = 8  # elements on which the taps are read off, the middle ones
ROUNDING = 4 * np.finfo(np.float32).eps
_END = np.iinfo(np.int64).max

Taps = NDArray[np.float32]


def _rewrite(node: onnx.NodeProto, view: View) -> Answer:
    resizing = describe(node, view)
    if isinstance(resizing, str):
        return resizing
    shape = view.shape(node.input[0]) or ()
    if not resizing.scales:
        return None
    if len(shape) != 4 or not set(resizing.scales) <= {2, 3}:
        return "it resizes other axes than the last two of four"
    if not isinstance(shape[1], int):
        return "the number of channels is not known"
    if view.element_type(node.input[0]) != TensorProto.FLOAT:
        return "its elements are not float32"
    taps: list[tuple[Taps, int]] = []
    for axis in (2, 3):
        found = _taps(resizing, axis) if axis in resizing.scales else (np.ones(1, np.float32), 0)
        if isinstance(found, str):
            return found
        taps.append(found)
    return _draft(Draft(node, view), node.input[0], shape[1], resizing, taps)


def _taps(resizing: Resizing, axis: int) -> tuple[Taps, int] | str:
    """Kernel along an axis, and how many pixels are added to each side; or why there is none."""
    factor = resizing.factor(axis)
    if factor is None:
        return f"it scales axis {axis} by {resizing.scales[axis]:g}"
    if resizing.mode == "nearest":
        if repeats(resizing, axis, factor):
            return np.ones(factor, np.float32), 0
        return f"{resizing.coordinates} picks other pixels than the {factor} times repeated ones"
    if resizing.mode != "linear":
        return f"{resizing.mode} interpolation is no transposed convolution with a held border"
    try:
        kernel = resizing.matrix(axis, SPAN)[:, SPAN // 2]
        size = resizing.sizes.get(axis, (SPAN, 0))[0]
        wanted = resizing.matrix(axis, size)
    except InputError as error:
        return str(error)
    centre = SPAN // 2 * factor
    taps = kernel[centre - factor : centre + 2 * factor]  # one pixel reaches one pixel far
    if np.abs(_matrix(taps, size, factor) - wanted).max() > ROUNDING:
        return f"the weights of {resizing.coordinates} differ from pixel to pixel"
    return taps, 1


def _matrix(taps: Taps, size: int, factor: int) -> Taps:
    """What a transposed convolution by ``taps`` of an input with held borders gives."""
    found = np.zeros(((size + 4) * factor, size), np.float32)
    for pixel in range(-1, size + 1):
        start = (pixel + 1) * factor
        found[start : start + 3 * factor, min(max(pixel, 0), size - 1)] += taps
    return found[2 * factor : 2 * factor + size * factor]


def _draft(
    draft: Draft, x: str, channels: int, resizing: Resizing, taps: list[tuple[Taps, int]]
) -> Draft:
    for axis, (_, added) in enumerate(taps, start=2):
        if added:
            along = draft.ints(axis, role="axes")
            first, last = (
                draft.op(
                    "Slice", x, draft.ints(at, role="starts"), draft.ints(to, role="ends"), along
                )
                for at, to in ((0, 1), (-1, _END))
            )
            x = draft.op("Concat", first, x, last, axis=axis)
    strides = [resizing.factor(axis) or 1 if axis in resizing.scales else 1 for axis in (2, 3)]
    kernel = np.outer(taps[0][0], taps[1][0]).astype(np.float32)
    # a kernel of three strides begins one stride before its pixel, which begins one after the edge
    pads = [2 * stride * added for stride, (_, added) in zip(strides, taps, strict=True)]
    weight = np.broadcast_to(kernel, (channels, 1, *kernel.shape))
    draft.op(
        "ConvTranspose",
        x,
        draft.weight(weight),
        strides=strides,
        pads=[*pads, *pads],
        kernel_shape=kernel.shape,
        group=channels,
        final=True,
    )
    return draft


RESIZE_DECONV = NodePass(
    "resize_deconv",
    "nearest and linear Resize by a whole factor as a depthwise ConvTranspose",
    ("Resize",),
    _rewrite,
)
