"""The contract of an exported graph: inputs and outputs named, ordered and shaped as asked.

Exporters drop inputs that nothing uses, invent symbols for dynamic axes (``s77``,
``2*(((height - 1)//2)) + 2``) or give two axes one symbol; here they get those that were asked for.
"""

from __future__ import annotations

from collections.abc import Mapping

import onnx
import torch
from onnx import TensorProto, helper
from torch import Tensor

from postprocess.errors import InputError

from ...graph.modules import all_nodes
from ...graph.plugins import standard
from ...graph.shapes import Shape, infer, shape_of
from .base import Request


def element_type(tensor: Tensor) -> int:
    """``TensorProto.DataType`` of a tensor's values."""
    if tensor.dtype == torch.bfloat16:  # numpy does not have it
        return int(TensorProto.BFLOAT16)
    kind = torch.empty(0, dtype=tensor.dtype).numpy().dtype
    return int(helper.np_dtype_to_tensor_dtype(kind))


def set_inputs(model: onnx.ModelProto, request: Request) -> None:
    """Make the graph's inputs exactly those of ``request``, in place."""
    graph = model.graph
    found = {value.name: value for value in graph.input}
    del graph.input[:]
    for name, example in zip(request.input_names, request.inputs, strict=True):
        axes = request.dynamic.get(name, {})
        shape = [axes.get(axis, size) for axis, size in enumerate(example.shape)]
        used = name in found
        kind = found[name].type.tensor_type.elem_type if used else element_type(example)
        graph.input.append(helper.make_tensor_value_info(name, kind, shape))


def set_outputs(model: onnx.ModelProto, request: Request, *, trusted: bool) -> None:
    """Give every tensor its inferred shape and the outputs the symbols of ``request``, in place.

    Args:
        model: its inputs are set.
        request: says the symbols; an open axis without one gets ``<output>_dim_<axis>``.
        trusted: whether a size that the graph states for an output is true for every input.

    Raises:
        InputError: the graph fixes an axis of an output that shares its symbol with an input.
    """
    graph = model.graph
    declared = {value.name: shape_of(value) for value in graph.output}
    del graph.value_info[:]
    for value in graph.output:
        value.type.tensor_type.ClearField("shape")
    inferred = infer(standard(model))
    graph.value_info.extend(inferred.graph.value_info)
    symbols = {
        symbol for name in request.input_names for symbol in request.dynamic.get(name, {}).values()
    }
    for value, other in zip(graph.output, inferred.graph.output, strict=True):
        stated = declared[value.name] if trusted else None
        shape = _merge(shape_of(other), stated, declared[value.name])
        if shape is None:
            continue
        asked = request.dynamic.get(value.name, {})
        dims = [_dim(value.name, axis, dim, asked, symbols) for axis, dim in enumerate(shape)]
        kind = value.type.tensor_type.elem_type
        value.CopyFrom(helper.make_tensor_value_info(value.name, kind, dims))
    for info in graph.value_info:
        for dim in _tensor_type(info.type).shape.dim:
            if dim.dim_param and dim.dim_param not in symbols:
                dim.ClearField("dim_param")


def _tensor_type(kind: onnx.TypeProto) -> onnx.TypeProto.Tensor:
    """Type of a tensor, or of the tensors of a sequence: its pieces share no symbol of a size."""
    while not kind.HasField("tensor_type"):
        holder = kind.WhichOneof("value")
        if holder not in ("sequence_type", "optional_type"):
            break
        kind = getattr(kind, holder).elem_type
    return kind.tensor_type


def _merge(inferred: Shape | None, stated: Shape | None, rank_of: Shape | None) -> Shape | None:
    """What inference knows, completed by what the exporter states where that can be trusted."""
    if inferred is None and rank_of is None:
        return None
    shape = inferred if inferred is not None else (None,) * len(rank_of or ())
    if stated is None or len(stated) != len(shape):
        return shape
    return tuple(
        dim if isinstance(dim, int) or not isinstance(other, int) else other
        for dim, other in zip(shape, stated, strict=True)
    )


def _dim(
    name: str, axis: int, dim: int | str | None, asked: Mapping[int, str], symbols: set[str]
) -> int | str:
    symbol = asked.get(axis)
    if isinstance(dim, int):
        if symbol in symbols:
            raise InputError(
                f"output {name!r} axis {axis} is asked to be dynamic ({symbol}) but the graph "
                f"fixes it at {dim}: a size of the example input became a constant in forward"
            )
        return dim
    return symbol or (dim if dim in symbols and dim else f"{name}_dim_{axis}")


def strip(model: onnx.ModelProto) -> None:
    """Remove what exporters leave for debugging, in place: it differs from run to run."""
    model.ClearField("doc_string")
    model.ClearField("metadata_props")
    graph = model.graph
    graph.ClearField("doc_string")
    graph.ClearField("metadata_props")
    graph.ClearField("quantization_annotation")
    for node in all_nodes(graph):
        node.ClearField("doc_string")
    for holder in (graph.initializer, graph.input, graph.output, graph.value_info):
        for item in holder:
            item.ClearField("doc_string")
            item.ClearField("metadata_props")


def drop_unused_weights(model: onnx.ModelProto) -> None:
    """Remove initializers that no node reads and no output is, in place."""
    graph = model.graph
    used = {name for node in all_nodes(graph) for name in node.input}
    used |= {value.name for value in graph.output}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
