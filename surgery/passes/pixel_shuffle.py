"""Pixel shuffle written as Reshape, Transpose, Reshape over six axes as DepthToSpace or a Conv.

Without it: a pixel shuffle that is spelled out with view and permute goes through tensors of six
axes, and so does PyTorch's own pixel_unshuffle from either exporter. NNAPI's Reshape and Transpose
stop at four axes ("Transpose only supports 1-4d shape"); the operators that do the same are known
there.

From (N, C, s, s, H, W) with axes (0, 1, 4, 2, 5, 3) to (N, C, s H, s W) is DepthToSpace in mode
CRD, from (N, s, s, C, H, W) with (0, 3, 4, 1, 5, 2) in mode DCR (ONNX, DepthToSpace). The way back,
from (N, C, H, s, W, s) with (0, 3, 5, 1, 2, 4) to (N, s s C, H, W), is SpaceToDepth; with the
channels first, (0, 1, 3, 5, 2, 4), which is pixel_unshuffle, ONNX has no operator, and it becomes a
depthwise Conv of stride s whose s s kernels are unit vectors. Exact to the bit.

Declined: sizes that are not known (but for the batch), two different factors (but for
pixel_unshuffle), and middle tensors that something else reads.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto

from ..graph.view import View
from .node_pass import Answer, Draft, NodePass, attribute

_TO_SPACE = {(0, 1, 4, 2, 5, 3): "CRD", (0, 3, 4, 1, 5, 2): "DCR"}
_TO_DEPTH = {(0, 3, 5, 1, 2, 4), (0, 1, 3, 5, 2, 4)}


@dataclass(frozen=True)
class Chain:
    """Reshape, Transpose, Reshape, of which nothing else reads the middle.

    Attributes:
        source: what is reshaped.
        middle: sizes between the first Reshape and the Transpose; None for one that is not known.
        axes: of the Transpose.
    """

    source: str
    middle: tuple[int | None, ...]
    axes: tuple[int, ...]


def chain_to(node: onnx.NodeProto, view: View) -> Chain | None:
    """The chain that ends in the Reshape ``node``, if it is one."""
    transpose = view.makers.get(node.input[0])
    if transpose is None or transpose.op_type != "Transpose":
        return None
    reshape = view.makers.get(transpose.input[0])
    if reshape is None or reshape.op_type != "Reshape":
        return None
    middle = view.shape(reshape.output[0])
    alone = view.only_reader(transpose.output[0]) and view.only_reader(reshape.output[0])
    if middle is None or not alone:
        return None
    axes = attribute(transpose, "perm") or range(len(middle))[::-1]
    sizes = tuple(size if isinstance(size, int) else None for size in middle)
    return Chain(reshape.input[0], sizes, tuple(axes))


def _rewrite(node: onnx.NodeProto, view: View) -> Answer:
    chain = chain_to(node, view)
    if chain is None or (chain.axes not in _TO_SPACE and chain.axes not in _TO_DEPTH):
        return None
    before, after = (_known(view, name) for name in (chain.source, node.output[0]))
    if before is None or after is None or None in chain.middle[1:]:
        return "its channels, height and width are not known"
    a, b, c, d, e = (size for size in chain.middle[1:] if size is not None)
    draft = Draft(node, view)
    if chain.axes in _TO_SPACE:
        mode = _TO_SPACE[chain.axes]
        (channels, s, t) = (a, b, c) if mode == "CRD" else (c, a, b)
        if before != (channels * s * t, d, e) or after != (channels, s * d, t * e):
            return None
        if s != t:
            return f"DepthToSpace takes one factor, got {s} and {t}"
        draft.op("DepthToSpace", chain.source, blocksize=s, mode=mode, final=True)
        return draft
    channels, height, s, width, t = a, b, c, d, e
    if before != (channels, height * s, width * t) or after != (channels * s * t, height, width):
        return None
    if chain.axes == (0, 1, 3, 5, 2, 4):
        if view.element_type(chain.source) != TensorProto.FLOAT:
            return "its elements are not float32, and pixel_unshuffle becomes a convolution"
        _unshuffle(draft, chain.source, channels, (s, t))
    elif s == t:
        draft.op("SpaceToDepth", chain.source, blocksize=s, final=True)
    else:
        return f"SpaceToDepth takes one factor, got {s} and {t}"
    return draft


def _known(view: View, name: str) -> tuple[int, ...] | None:
    """Channels, height and width of an image."""
    shape = view.shape(name)
    if shape is None or len(shape) != 4:
        return None
    sizes = tuple(size for size in shape[1:] if isinstance(size, int))
    return sizes if len(sizes) == 3 else None


def _unshuffle(draft: Draft, x: str, channels: int, block: tuple[int, int]) -> None:
    taps = block[0] * block[1]
    kernels = np.eye(taps, dtype=np.float32).reshape(taps, 1, *block)
    draft.op(
        "Conv",
        x,
        draft.weight(np.tile(kernels, (channels, 1, 1, 1))),
        kernel_shape=block,
        strides=block,
        group=channels,
        final=True,
    )


PIXEL_SHUFFLE = NodePass(
    "pixel_shuffle",
    "pixel shuffles over six axes as DepthToSpace, SpaceToDepth or a depthwise Conv",
    ("Reshape",),
    _rewrite,
)
