"""A ConvTranspose as the ``deconv_*`` passes take it, and one with its groups filled up.

With stride s, kernel w of K taps and padding p before, along one axis (Dumoulin and Visin, "A guide
to convolution arithmetic for deep learning", 2016, section 4):

    y[o] = sum over i of x[i] w[o + p - i s],    size of y = s (size of x) + growth
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx

from ..graph.view import View
from .node_pass import Answer, Array, Draft, NodePass, attribute


@dataclass(frozen=True)
class Deconvolution:
    """A ConvTranspose whose weights are constants, without dilation.

    Attributes:
        weight: (C, M, taps along each axis), of C input and ``groups * M`` output channels; zeros
            stand between the taps of a dilated kernel.
        bias: (groups * M,), or None.
        strides: along each axis.
        padding: outputs that are cut off before the first one, along each axis.
        growth: output size less ``stride * input size``, along each axis.
    """

    weight: Array
    bias: Array | None
    groups: int
    strides: tuple[int, ...]
    padding: tuple[int, ...]
    growth: tuple[int, ...]

    def as_convolution(self) -> Array:
        """The weight as an ordinary convolution takes it: (groups * M, C / groups, taps ...)."""
        channels, outputs, *taps = self.weight.shape
        grouped = self.weight.reshape(self.groups, channels // self.groups, outputs, *taps)
        return grouped.swapaxes(1, 2).reshape(-1, channels // self.groups, *taps)


def describe(node: onnx.NodeProto, view: View) -> Deconvolution | str:
    """Return what a ConvTranspose computes, or why that is unknown."""
    weight = view.constant(node.input[1])
    biased = view.input(node, 2)
    bias = view.constant(biased) if biased else None
    if weight is None or (biased and bias is None):
        return "its weights are not constants"
    axes = weight.ndim - 2
    strides = _of_axes(node, "strides", axes, 1)
    dilations = _of_axes(node, "dilations", axes, 1)
    extra = _of_axes(node, "output_padding", axes, 0)
    weight = _dilated(weight, dilations)
    taps = weight.shape[2:]
    # without any padding: s (n - 1) + taps + output_padding = s n + full
    full = [k + e - s for k, e, s in zip(taps, extra, strides, strict=True)]
    pads = _pads(node, view, strides, full)
    if isinstance(pads, str):
        return pads
    return Deconvolution(
        weight,
        bias,
        attribute(node, "group", 1),
        strides,
        tuple(pads[:axes]),
        tuple(f - a - b for f, a, b in zip(full, pads[:axes], pads[axes:], strict=True)),
    )


def _of_axes(node: onnx.NodeProto, name: str, axes: int, default: int) -> tuple[int, ...]:
    return tuple(attribute(node, name) or [default] * axes)


def _dilated(weight: Array, dilations: Sequence[int]) -> Array:
    sizes = [d * (k - 1) + 1 for d, k in zip(dilations, weight.shape[2:], strict=True)]
    spread = np.zeros((*weight.shape[:2], *sizes), weight.dtype)
    taps = [slice(None, None, dilation) for dilation in dilations]
    spread[(slice(None), slice(None), *taps)] = weight
    return spread


def _pads(
    node: onnx.NodeProto, view: View, strides: Sequence[int], full: Sequence[int]
) -> list[int] | str:
    """Padding before all axes, then after them; or why it is not known."""
    axes, rule = len(strides), attribute(node, "auto_pad", "NOTSET")
    wanted = attribute(node, "output_shape")
    if wanted:
        sizes = view.sizes(node.input[0])
        if sizes is None:
            return "it states its output size, and its input has none"
        total = [
            s * n + f - out
            for s, n, f, out in zip(strides, sizes[2:], full, wanted[-axes:], strict=True)
        ]
    elif rule in ("SAME_UPPER", "SAME_LOWER"):
        total = list(full)
    elif rule == "VALID":
        return [0] * (2 * axes)
    else:
        return list(attribute(node, "pads") or [0] * (2 * axes))
    if any(each % 2 or each < 0 for each in total):
        return f"run times share out a total padding of {total} in different ways"
    return [each // 2 for each in total] * 2


def _deconv_dense(node: onnx.NodeProto, view: View) -> Answer:
    """A grouped ConvTranspose as an ungrouped one, with zeros between the groups.

    Without it: a device whose ConvTranspose has no groups refuses every depthwise upsampling layer
    of a DLA backbone ("group=24, takes 1"). LiteRT's has none: for it onnx2tf 2.6.9 takes a layer
    apart, a TRANSPOSE_CONV for each group, and earlier versions of its direct path refused it.

    Output channels of one group get weights of zero for the input channels of the others. Exact, to
    the bit where the run time adds zeros in order. The price is ``groups`` times the multiply-adds
    and weights of that layer: worth it on small maps, or where the target has a fast kernel for
    nothing else. ``deconv_shuffle`` keeps the multiply-adds.
    """
    groups = attribute(node, "group", 1)
    if groups == 1:
        return None
    weight = view.constant(node.input[1])
    if weight is None:
        return "its weight is no constant"
    channels, outputs, *taps = weight.shape
    dense = np.zeros((groups, channels // groups, groups, outputs, *taps), weight.dtype)
    every = np.arange(groups)
    dense[every, :, every] = weight.reshape(groups, channels // groups, outputs, *taps)
    draft = Draft(node, view)
    kept = {a.name: attribute(node, a.name) for a in node.attribute if a.name != "group"}
    whole = draft.weight(dense.reshape(channels, groups * outputs, *taps))
    draft.op("ConvTranspose", node.input[0], whole, *node.input[2:], final=True, **kept)
    return draft


DECONV_DENSE = NodePass(
    "deconv_dense",
    "grouped ConvTranspose as one without groups, its weight filled up with zeros",
    ("ConvTranspose",),
    _deconv_dense,
)
