"""BatchNormalization behind a deformable convolution folded into its weights: no library does it.

DeformConv, or the node of a run time's own plugin (:mod:`surgery.graph.plugins`).

With s = scale / sqrt(var + eps) per channel, BN(W * x + b) = (s W) * x + s (b - mean) + bias:
the layer is linear in its weights whatever the offsets and the mask are, so the fold is exact.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from ..graph.plugins import PLUGINS, SHIFTED
from ..graph.weights import array_of
from .base import GraphPass

Weights = dict[str, onnx.TensorProto]

# Where a node takes its weight and its bias.
OPERATORS = {("", "DeformConv"): (1, 3), **dict.fromkeys(PLUGINS, (3, 4)), SHIFTED: (2, 3)}


@dataclass(frozen=True)
class _Pair:
    """A deformable convolution and the BatchNormalization that alone reads its output."""

    convolution: onnx.NodeProto
    normalization: onnx.NodeProto


@dataclass(frozen=True)
class _Deform(GraphPass):
    name: str = "deform"
    summary: str = "BatchNormalization behind DeformConv and plugin nodes into their weights"

    def check(self, model: onnx.ModelProto) -> str | None:
        return None if _pairs(model) else "no BatchNormalization reads a DeformConv"

    def apply(self, model: onnx.ModelProto) -> onnx.ModelProto:
        weights = {tensor.name: tensor for tensor in model.graph.initializer}
        for pair in _pairs(model):
            _fold(model, pair, weights)
        return model


def _pairs(model: onnx.ModelProto) -> list[_Pair]:
    """Pairs in graph order whose weights are all initializers."""
    graph = model.graph
    uses = Counter(name for node in graph.node for name in node.input)
    uses.update(value.name for value in graph.output)
    makers = {node.output[0]: node for node in graph.node if _operator(node) in OPERATORS}
    known = {tensor.name for tensor in graph.initializer}
    pairs = []
    for node in graph.node:
        if node.op_type != "BatchNormalization" or node.input[0] not in makers:
            continue
        convolution = makers[node.input[0]]
        weight, bias = OPERATORS[_operator(convolution)]
        places = convolution.input
        constants = [places[weight], *places[bias : bias + 1], *node.input[1:]]
        if uses[node.input[0]] == 1 and all(name in known for name in constants if name):
            pairs.append(_Pair(convolution, node))
    return pairs


def _fold(model: onnx.ModelProto, pair: _Pair, weights: Weights) -> None:
    """Give the convolution new weights and the normalization's output, in place."""
    convolution, normalization = pair.convolution, pair.normalization
    scale, shift, mean, variance = (_array(weights[name]) for name in normalization.input[1:5])
    epsilon = next((a.f for a in normalization.attribute if a.name == "epsilon"), 1e-5)
    factor = scale / np.sqrt(variance + epsilon)
    weight_at, bias_at = OPERATORS[_operator(convolution)]
    weight = _array(weights[convolution.input[weight_at]])
    bias = convolution.input[bias_at] if len(convolution.input) > bias_at else ""
    offset = _array(weights[bias]) if bias else np.zeros(len(weight))
    base = f"{convolution.output[0]}.folded"
    new = {
        f"{base}.weight": weight * factor[:, None, None, None],
        f"{base}.bias": (offset - mean) * factor + shift,
    }
    for name, values in new.items():
        tensor = numpy_helper.from_array(values.astype(np.float32), name)
        model.graph.initializer.append(tensor)
        weights[name] = tensor
    convolution.input[weight_at] = f"{base}.weight"
    while len(convolution.input) <= bias_at:
        convolution.input.append("")
    convolution.input[bias_at] = f"{base}.bias"
    convolution.output[0] = normalization.output[0]
    model.graph.node.remove(normalization)


def _operator(node: onnx.NodeProto) -> tuple[str, str]:
    """Domain and name, "" for ONNX's own domain."""
    return "" if node.domain == "ai.onnx" else node.domain, node.op_type


def _array(tensor: onnx.TensorProto) -> NDArray[np.float64]:
    return array_of(tensor).astype(np.float64)


DEFORM = _Deform()
