"""float64 out of the graph: weights, constants, casts and everything computed from them.

A Python number or a numpy array that slips into a network makes a part of it float64, and so does
`torch.linspace(..., dtype=torch.float64)` or a mean taken "for precision". ONNX Runtime has no such
convolution and does not load the graph ("Could not find an implementation for Conv(11)"); NNAPI,
Core ML, LiteRT, QNN, WebNN and WebGPU have no such type ("float64 tensors, takes ..."). Here every
weight, constant and cast of the graph becomes float32. What the graph takes from its caller and
gives back keeps its type, behind a cast at the border, since the caller's program would have to
change with it.

Not bit for bit the same, as no float32 graph is the float64 one: the outputs must agree to float32
rounding (``measure/arrays.py``), or the pass is taken back. Three convolutions and a softmax in
float64 give outputs that differ by 1.4e-7 of their largest value, as its test measures. A number
that float32 cannot hold (-1e300 as the minus infinity of a mask) becomes the largest that it can.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ..graph.modules import all_nodes
from ..graph.shapes import element_types, infer
from ..graph.weights import array_of
from .base import GraphPass

_F32, _F64 = TensorProto.FLOAT, TensorProto.DOUBLE
# Attributes that name the element type of what a node makes.
_TYPE_ATTRIBUTES = frozenset({"to", "dtype", "output_dtype"})


@dataclass(frozen=True)
class _Float32(GraphPass):
    name: str = "float32"
    summary: str = "weights, constants and computing in float64 as float32"

    def check(self, model: onnx.ModelProto) -> str | None:
        borders = (*model.graph.input, *model.graph.output)
        kinds = element_types(infer(model))
        for value in borders:
            kinds.pop(value.name, None)
        inside = _F64 in kinds.values() or any(map(_makes_float64, all_nodes(model.graph)))
        return None if inside else "nothing in the graph is float64"

    def apply(self, model: onnx.ModelProto) -> onnx.ModelProto:
        graph = model.graph
        for tensor in _tensors(graph):
            if tensor.data_type == _F64:
                tensor.CopyFrom(_single(tensor))
        for node in all_nodes(graph):
            for attribute in node.attribute:
                if attribute.name in _TYPE_ATTRIBUTES and attribute.i == _F64:
                    attribute.i = _F32
        _cast_borders(graph)
        for part in _graphs(graph):
            del part.value_info[:]
            if part is not graph:
                for value in (*part.input, *part.output):
                    if value.type.tensor_type.elem_type == _F64:
                        value.type.tensor_type.elem_type = _F32
        return model


def _makes_float64(node: onnx.NodeProto) -> bool:
    return any(
        (a.name in _TYPE_ATTRIBUTES and a.i == _F64)
        or (a.type == onnx.AttributeProto.TENSOR and a.t.data_type == _F64)
        for a in node.attribute
    )


def _graphs(graph: onnx.GraphProto) -> list[onnx.GraphProto]:
    """The graph and every graph inside of its nodes."""
    inner = [a.g for n in all_nodes(graph) for a in n.attribute if a.type == a.GRAPH]
    inner += [g for n in all_nodes(graph) for a in n.attribute for g in a.graphs]
    return [graph, *inner]


def _tensors(graph: onnx.GraphProto) -> list[onnx.TensorProto]:
    """Weights and constants, those of inner graphs included."""
    weights = [tensor for part in _graphs(graph) for tensor in part.initializer]
    constants = [a.t for n in all_nodes(graph) for a in n.attribute if a.type == a.TENSOR]
    return weights + constants


def _single(tensor: onnx.TensorProto) -> onnx.TensorProto:
    """The tensor in float32; finite numbers stay finite."""
    values, largest = array_of(tensor), np.finfo(np.float32).max
    kept = np.where(np.isfinite(values), values.clip(-largest, largest), values)
    return numpy_helper.from_array(kept.astype(np.float32), tensor.name)


def _cast_borders(graph: onnx.GraphProto) -> None:
    """Put a cast behind float64 inputs and in front of float64 outputs, in place."""
    weights = {tensor.name for tensor in graph.initializer}
    renamed = {}
    first, last = [], []
    for value in graph.input:
        if value.type.tensor_type.elem_type != _F64:
            continue
        if value.name in weights:  # a weight that the caller may override
            value.type.tensor_type.elem_type = _F32
            continue
        renamed[value.name] = f"{value.name}.float32"
        first.append(_cast(value.name, renamed[value.name], _F32))
    for value in graph.output:
        if value.type.tensor_type.elem_type == _F64:
            inner = renamed.setdefault(value.name, f"{value.name}.float32")
            last.append(_cast(inner, value.name, _F64))
    for node in all_nodes(graph):
        node.input[:] = [renamed.get(name, name) for name in node.input]
        node.output[:] = [renamed.get(name, name) for name in node.output]
    nodes = [*first, *graph.node, *last]
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(copies)


def _cast(source: str, output: str, kind: int) -> onnx.NodeProto:
    return helper.make_node("Cast", [source], [output], name=f"{output}.Cast", to=kind)


FLOAT32 = _Float32()
