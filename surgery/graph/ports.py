"""Inputs and outputs of a graph, and how a message describes one."""

from __future__ import annotations

import onnx
from onnx import helper

from .shapes import shape_of


def inputs_of(model: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    """Inputs of the graph that are not weights, in order."""
    weights = {tensor.name for tensor in model.graph.initializer}
    weights |= {tensor.values.name for tensor in model.graph.sparse_initializer}
    return [value for value in model.graph.input if value.name not in weights]


def type_and_shape(value: onnx.ValueInfoProto) -> str:
    """Element type and shape in words: ``float32 (1,3,height,width)``; ``?`` is not known."""
    kind = value.type.tensor_type.elem_type
    try:
        name = str(helper.tensor_dtype_to_np_dtype(kind))
    except (KeyError, TypeError):
        name = f"type {kind}"
    shape = shape_of(value)
    sides = "?" if shape is None else ",".join("?" if d is None else str(d) for d in shape)
    return f"{name} ({sides})"
