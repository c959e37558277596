"""BatchNormalization that no convolution in front of it takes in: into the one behind, or a Conv.

Without it: Core ML and XNNPACK run no BatchNormalization ("not among its operators"). The passes
``fold`` and ``slim`` take it into a Conv, ConvTranspose or Gemm in front of it, and leave it where
there is none: in networks that normalise before they convolve (ResNet v2, DenseNet), behind MatMul,
Add or Concat, and where something else reads the convolution's output as well.

At inference it is y = s x + t for each channel, s = scale / sqrt(var + epsilon) and t = bias - s
mean (Ioffe and Szegedy, "Batch Normalization", 2015, algorithm 2). A convolution that alone reads y
takes it in: W' = W s along its input channels, b' = b + W t summed over them and the taps. With
padding that is exact only for t = 0, since the border is padded with zeros behind the
normalization; then, and everywhere else, it becomes a depthwise 1x1 Conv with weight s and bias t,
or Mul and Add in tensors without height and width. Exact up to float32 rounding.

Declined: statistics that are computed from the batch, or are not constants.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray

from ..graph.view import View
from .node_pass import Answer, Draft, NodePass, attribute

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class _Affine:
    """y = scale x + shift for each channel; ``dtype`` is that of the graph."""

    scale: Vector
    shift: Vector
    dtype: np.dtype[np.generic]


def _rewrite(node: onnx.NodeProto, view: View) -> Answer:
    if node.op_type == "Conv":
        return _into(node, view)
    affine = _affine(node, view)
    if isinstance(affine, str):
        return affine
    shape = view.shape(node.input[0])
    if shape is None:
        return "its input's rank is not known"
    draft, x = Draft(node, view), node.input[0]
    scale, shift = affine.scale.astype(affine.dtype), affine.shift.astype(affine.dtype)
    if len(shape) in (3, 4):
        ones = [1] * (len(shape) - 2)
        weight = draft.weight(scale.reshape(-1, 1, *ones))
        bias = draft.weight(shift, "bias")
        draft.op("Conv", x, weight, bias, kernel_shape=ones, group=len(scale), final=True)
    else:
        along = (-1, *[1] * (len(shape) - 2))
        scaled = draft.op("Mul", x, draft.weight(scale.reshape(along), "scale"))
        draft.op("Add", scaled, draft.weight(shift.reshape(along), "shift"), final=True)
    return draft


def _into(node: onnx.NodeProto, view: View) -> Answer:
    """The convolution with the BatchNormalization in front of it, where it can take that in."""
    before = view.makers.get(node.input[0])
    if before is None or before.op_type != "BatchNormalization":
        return None
    affine, weight = _affine(before, view), view.constant(node.input[1])
    named = view.input(node, 2)
    bias = view.constant(named) if named else None
    if isinstance(affine, str) or weight is None or (named and bias is None):
        return None
    padded = any(attribute(node, "pads", [])) or attribute(node, "auto_pad", "NOTSET") != "NOTSET"
    if not view.only_reader(node.input[0]) or (padded and affine.shift.any()):
        return None
    groups = attribute(node, "group", 1)
    outputs, channels = weight.shape[:2]
    by_group = weight.reshape(groups, outputs // groups, channels, -1).astype(np.float64)
    scaled = by_group * affine.scale.reshape(groups, 1, channels, 1)
    shift = (by_group * affine.shift.reshape(groups, 1, channels, 1)).sum((2, 3)).reshape(-1)
    draft = Draft(node, view)
    copy = draft.like(node)
    copy.input[0] = before.input[0]
    copy.input[1] = draft.weight(scaled.reshape(weight.shape).astype(affine.dtype))
    del copy.input[2:]
    total = shift if bias is None else shift + bias
    copy.input.append(draft.weight(total.astype(affine.dtype), "bias"))
    return draft


def _affine(node: onnx.NodeProto, view: View) -> _Affine | str:
    if attribute(node, "training_mode", 0) or len([out for out in node.output if out]) > 1:
        return "it normalises by the batch"
    values = [view.constant(name) for name in node.input[1:5]]
    known = [value for value in values if value is not None]
    if len(known) < 4:
        return "its statistics are not constants"
    scale, bias, mean, variance = (value.astype(np.float64) for value in known)
    scale = scale / np.sqrt(variance + attribute(node, "epsilon", 1e-5))
    return _Affine(scale, bias - scale * mean, known[0].dtype)


BATCHNORM = NodePass(
    "batchnorm",
    "BatchNormalization into the Conv behind it, or as a depthwise Conv",
    ("BatchNormalization", "Conv"),
    _rewrite,
)
