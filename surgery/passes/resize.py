"""Resize over channels-last tensors written as one over channels-first tensors between transposes.

ONNX's Resize takes any axes, and TensorFlow's converters use that: scales (1, s, s, 1) on
(N, H, W, C). Most targets resize the last two axes alone, and ONNX Runtime's transpose optimizer
stops in front of a Resize. With the pair of transposes around it the pass ``transpose`` goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper, numpy_helper

from ..graph.shapes import Shape, infer, shapes
from .base import opset_of

_TO_NCHW, _TO_NHWC = (0, 3, 1, 2), (0, 2, 3, 1)


@dataclass(frozen=True)
class _Resize:
    name: str = "resize"
    summary: str = "Resize over (N, H, W, C) as one over (N, C, H, W) between transposes"
    opsets: range = range(11, 1000)
    exact: bool = True
    renames: bool = False

    def check(self, model: onnx.ModelProto) -> str | None:
        return None if _channels_last(model) else "no Resize works on channels-last tensors"

    def apply(self, model: onnx.ModelProto) -> onnx.ModelProto:
        chosen = {node.output[0] for node in _channels_last(model)}
        weights = {tensor.name: tensor for tensor in model.graph.initializer}
        rewritten: list[onnx.NodeProto] = []
        for node in model.graph.node:
            copy = onnx.NodeProto()
            copy.CopyFrom(node)
            wrap = node.output[0] in chosen
            rewritten += _wrapped(copy, model.graph, weights) if wrap else [copy]
        del model.graph.node[:]
        model.graph.node.extend(rewritten)
        del model.graph.value_info[:]
        return model


def _channels_last(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    """Resize nodes of the main graph whose scales or sizes leave the last axis as it is."""
    if opset_of(model) < 11:
        return []
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    known = shapes(infer(model))
    return [
        node
        for node in model.graph.node
        if node.op_type == "Resize"
        and not any(attribute.name == "axes" for attribute in node.attribute)
        and _keeps_last(node, weights, known)
    ]


def _keeps_last(
    node: onnx.NodeProto, weights: Mapping[str, onnx.TensorProto], known: Mapping[str, Shape]
) -> bool:
    if _given(node, 1, weights):  # a region of interest is given by axis, too
        return False
    scales, sizes = _values(node, 2, weights), _values(node, 3, weights)
    if scales is not None and len(scales) == 4:
        return bool(scales[3] == 1 and scales[1] != 1)
    shape = known.get(node.input[0])
    if sizes is None or len(sizes) != 4 or shape is None or len(shape) != 4:
        return False
    return bool(sizes[3] == shape[3] and sizes[1] != shape[1])


def _given(node: onnx.NodeProto, position: int, weights: Mapping[str, onnx.TensorProto]) -> bool:
    """Whether an input is there and holds values, or may hold some."""
    name = node.input[position] if position < len(node.input) else ""
    return bool(name) and not (name in weights and 0 in weights[name].dims)


def _values(
    node: onnx.NodeProto, position: int, weights: Mapping[str, onnx.TensorProto]
) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]] | None:
    name = node.input[position] if position < len(node.input) else ""
    if name not in weights or 0 in weights[name].dims:
        return None
    return numpy_helper.to_array(weights[name])


def _wrapped(
    node: onnx.NodeProto, graph: onnx.GraphProto, weights: Mapping[str, onnx.TensorProto]
) -> list[onnx.NodeProto]:
    """Transpose, the Resize with its scales or sizes in the new order, and the way back.

    ``node`` itself becomes the Resize; its new weights go into ``graph``.
    """
    source, output = node.input[0], node.output[0]
    first, last = f"{output}.nchw_in", f"{output}.nchw_out"
    node.input[0], node.output[0] = first, last
    for position in (2, 3):
        values = _values(node, position, weights)
        if values is not None:
            tensor = numpy_helper.from_array(
                np.ascontiguousarray(values[list(_TO_NCHW)]), f"{output}.nchw.{position}"
            )
            graph.initializer.append(tensor)
            node.input[position] = tensor.name
    return [
        helper.make_node("Transpose", [source], [first], name=first, perm=_TO_NCHW),
        node,
        helper.make_node("Transpose", [last], [output], name=last, perm=_TO_NHWC),
    ]


RESIZE = _Resize()
