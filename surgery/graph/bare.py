"""A graph without its large weights, for libraries that look at its nodes alone.

ONNX's checker, its shape inference and its version converter take a graph as one message of at most
2 GB, and refuse the absolute paths of weights that lie in files (:mod:`.storage`). They are shown
such weights as inputs of the graph, which have a type and a shape and no values.
"""

from __future__ import annotations

import onnx
from onnx import helper

from .weights import has_outside, is_outside, outside


def with_weights_as_inputs(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return ``model`` with weights in files as inputs of the graph, itself where there are none.

    For libraries that look at the graph and not at its large weights.
    """
    if not has_outside(model):
        return model
    made = onnx.ModelProto()
    made.CopyFrom(model)
    graph = made.graph
    listed = {value.name for value in graph.input}
    kept = [tensor for tensor in graph.initializer if not is_outside(tensor)]
    graph.input.extend(
        helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
        for tensor in graph.initializer
        if is_outside(tensor) and tensor.name not in listed
    )
    del graph.initializer[:]
    graph.initializer.extend(kept)
    return made


def with_inputs_as_weights(model: onnx.ModelProto, source: onnx.ModelProto) -> onnx.ModelProto:
    """Undo :func:`with_weights_as_inputs` in place, for what ``model`` still has of ``source``."""
    listed = {value.name for value in source.graph.input}
    lying = outside(source)
    graph = model.graph
    graph.initializer.extend(lying[v.name] for v in graph.input if v.name in lying)
    kept = [v for v in graph.input if v.name not in lying or v.name in listed]
    del graph.input[:]
    graph.input.extend(kept)
    return model
