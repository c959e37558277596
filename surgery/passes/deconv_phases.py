"""A ConvTranspose by its phases: the outputs at each offset are a convolution of their own."""

from __future__ import annotations

from collections.abc import Sequence

import onnx

from ..graph.view import View
from .deconvolution import describe
from .node_pass import Answer, Draft, NodePass
from .subpixel import Phases


def _deconv_shuffle(node: onnx.NodeProto, view: View) -> Answer:
    """ConvTranspose as ordinary convolutions and a DepthToSpace: Conv, Concat, pixel shuffle.

    Without it: NNAPI has no ConvTranspose, so the eight depthwise upsampling layers of a DLA
    backbone (kernel 4 stride 2, kernel 8 stride 4) cut the default e2ec graph into four partitions
    there ("not among its operators"). LiteRT's has no groups: onnx2tf 2.6.9 writes one for each
    group, 24 a layer.

    A transposed convolution of stride s is s * s convolutions of stride 1, one for each sub-pixel
    phase of its output; DepthToSpace (mode DCR, depth ordered by phase first) puts the phases in
    their places (Shi et al., "Is the deconvolution layer the same as a convolutional layer?",
    2016). Padding, output padding, groups, dilation, bias, uneven kernels and open sizes are all
    covered: a kernel that the stride does not divide gives phases with windows of different sizes,
    and an output that it does not divide is cut by a Slice. Multiply-adds stay the same. An
    ungrouped layer whose phases have a window in common (kernel and stride equal) becomes one
    convolution.

    Exact up to float32 rounding: the same products are summed in another order.

    Declined: strides that differ between the axes, which DepthToSpace does not know, and one- or
    three-dimensional layers; ``deconv_interleave`` takes the first two.
    """
    layer = describe(node, view)
    if isinstance(layer, str):
        return layer
    if len(layer.strides) != 2:
        return f"DepthToSpace takes two axes, this layer has {len(layer.strides)}"
    stride, other = layer.strides
    if stride != other:
        return f"DepthToSpace takes one stride, got {stride} and {other}"
    phases, draft = Phases.of(layer), Draft(node, view)
    parts = phases.convolve(draft, node.input[0])
    if stride == 1:
        return draft
    cropped = any(phases.crop)
    deep = parts[0] if len(parts) == 1 else draft.op("Concat", *parts, axis=1)
    wide = draft.op("DepthToSpace", deep, blocksize=stride, mode="DCR", final=not cropped)
    if cropped:
        phases.cut(draft, wide)
    return draft


DECONV_SHUFFLE = NodePass(
    "deconv_shuffle",
    "ConvTranspose as Conv for each sub-pixel phase, then DepthToSpace",
    ("ConvTranspose",),
    _deconv_shuffle,
)


def _deconv_interleave(node: onnx.NodeProto, view: View) -> Answer:
    """ConvTranspose as ordinary convolutions whose outputs Concat and Reshape interleave.

    Without it: a target that has neither ConvTranspose nor DepthToSpace has no way to upsample by
    learned weights; and ``deconv_shuffle`` cannot write a layer over one axis (audio, contours) or
    one with different strides along its two axes, since DepthToSpace takes one block size over two
    axes.

    The sub-pixel phases (:mod:`surgery.passes.subpixel`) are interleaved without a tensor of more
    than four axes and without a Transpose. Along the last axis each phase (N, C, H, W) is reshaped
    to (N, C, H * W, 1) and the phases are concatenated there; along the axis before it whole rows
    are concatenated, (N, C, H, W) to (N, C, H, s * W), which in memory is (N, C, s * H, W) already.

    Exact up to float32 rounding. It moves the output once for each axis, so that ``deconv_shuffle``
    is the first choice where DepthToSpace runs.

    Declined: a two-dimensional layer whose input's height is not known, which Reshape needs, and
    three-dimensional ones.
    """
    layer = describe(node, view)
    if isinstance(layer, str):
        return layer
    axes = len(layer.strides)
    if axes > 2:
        return f"it interleaves one or two axes, this layer has {axes}"
    shape = view.shape(node.input[0])
    height = 1 if axes == 1 else shape[2] if shape else None
    if not isinstance(height, int):
        return "its input's height is not known"
    phases, draft = Phases.of(layer), Draft(node, view)
    parts = phases.convolve(draft, node.input[0])
    if len(phases.windows) == 1:
        return draft
    if len(parts) == 1:  # one convolution for all, by phase along the channels
        sizes = [len(layer.as_convolution())] * len(phases.windows)
        parts = _split(draft, parts[0], sizes)
    last = layer.strides[-1]
    rows = [parts[at : at + last] for at in range(0, len(parts), last)]
    cropped = any(phases.crop)
    if axes == 1:
        wide = _columns(draft, rows[0], [0, 0, -1], final=not cropped)
    else:
        beyond = -(-layer.growth[0] // layer.strides[0])
        wide = _rows(draft, rows, height + beyond, final=not cropped)
    if cropped:
        phases.cut(draft, wide)
    return draft


def _split(draft: Draft, x: str, sizes: Sequence[int]) -> list[str]:
    """Equal parts along the channels, by Slice: Split's form changed with the opsets."""
    count, axis = sizes[0], draft.ints(1, role="axes")
    return [
        draft.op(
            "Slice", x, draft.ints(at, role="starts"), draft.ints(at + count, role="ends"), axis
        )
        for at in range(0, count * len(sizes), count)
    ]


def _columns(draft: Draft, parts: Sequence[str], shape: Sequence[int], *, final: bool) -> str:
    """Interleave along the last axis and give the result ``shape``."""
    apart = draft.ints(0, 0, -1, 1, role="shape")
    flat = [draft.op("Reshape", part, apart) for part in parts]
    joined = draft.op("Concat", *flat, axis=3) if len(flat) > 1 else flat[0]
    return draft.op("Reshape", joined, draft.ints(*shape, role="shape"), final=final)


def _rows(draft: Draft, rows: Sequence[Sequence[str]], height: int, *, final: bool) -> str:
    """Interleave the columns of each row of phases, then the rows."""
    one = len(rows) == 1
    shape = [0, 0, height, -1]
    wide = [_columns(draft, row, shape, final=final and one) for row in rows]
    if one:
        return wide[0]
    joined = draft.op("Concat", *wide, axis=3)
    return draft.op(
        "Reshape", joined, draft.ints(0, 0, len(rows) * height, -1, role="shape"), final=final
    )


DECONV_INTERLEAVE = NodePass(
    "deconv_interleave",
    "ConvTranspose as Conv for each sub-pixel phase, interleaved by Concat and Reshape",
    ("ConvTranspose",),
    _deconv_interleave,
)
