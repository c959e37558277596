"""float64 that an exporter brought in, as float32.

The TorchScript exporter promotes a float32 tensor over an integer one to float64, where torch stays
with float32; ONNX Runtime has no kernel for GridSample or Conv in float64.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto, numpy_helper

from .modules import all_nodes
from .weights import all_tensors

_TYPES = frozenset({"to", "dtype"})  # attributes that name an element type


def holds_double(model: onnx.ModelProto) -> bool:
    """Whether a weight, a constant or a cast of ``model`` is float64."""
    tensors = (tensor.data_type for tensor in all_tensors(model.graph))
    casts = (a.i for n in all_nodes(model.graph) for a in n.attribute if a.name in _TYPES)
    return TensorProto.DOUBLE in (*tensors, *casts)


def single(model: onnx.ModelProto) -> None:
    """Turn every float64 of ``model`` into float32, in place; inputs and outputs too."""
    graph = model.graph
    for tensor in all_tensors(graph):
        if tensor.data_type == TensorProto.DOUBLE:
            values = numpy_helper.to_array(tensor).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    for node in all_nodes(graph):
        for attribute in node.attribute:
            names_type = attribute.type == AttributeProto.INT and attribute.name in _TYPES
            if names_type and attribute.i == TensorProto.DOUBLE:
                attribute.i = TensorProto.FLOAT
    for value in (*graph.input, *graph.output, *graph.value_info):
        if value.type.tensor_type.elem_type == TensorProto.DOUBLE:
            value.type.tensor_type.elem_type = TensorProto.FLOAT
