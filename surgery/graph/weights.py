"""Where the values of a graph's weights are: in the graph, or in a file that it names.

A weight in a file ("external data") has the file's absolute path, an offset and a length in
``external_data`` while the graph is in memory. :func:`array_of` gives the values of either kind.

ONNX's checker, its shape inference and its version converter take a graph as one message of at most
2 GB, and refuse the absolute paths of weights that lie in files (:mod:`.storage`).
:func:`with_weights_as_inputs` shows them such weights as inputs, which have a type and a shape and
no values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from postprocess.errors import InputError

from .modules import all_graphs, all_nodes

Array = NDArray[np.generic]

_BITS = {"INT4": 4, "UINT4": 4, "FLOAT4E2M1": 4, "INT2": 2, "UINT2": 2}  # packed into bytes


def is_outside(tensor: TensorProto) -> bool:
    """Whether a tensor's values lie in a file."""
    return bool(tensor.data_location == TensorProto.EXTERNAL)


def has_outside(model: onnx.ModelProto) -> bool:
    """Whether a weight of the graph lies in a file."""
    return any(map(is_outside, model.graph.initializer))


def outside(model: onnx.ModelProto) -> Mapping[str, TensorProto]:
    """Weights that lie in files, by name."""
    return {tensor.name: tensor for tensor in model.graph.initializer if is_outside(tensor)}


def all_tensors(graph: onnx.GraphProto) -> Iterator[TensorProto]:
    """Yield the weights and constants of a graph and of those inside of it."""
    for part in all_graphs(graph):
        yield from part.initializer
    for node in all_nodes(graph):
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.TENSOR:
                yield attribute.t
            yield from attribute.tensors


def size_of(tensor: TensorProto) -> int:
    """Bytes that a tensor's values take; 0 for strings, whose bytes are not known from its shape.

    Raises:
        InputError: an element type that ONNX does not have.
    """
    kind = tensor.data_type
    if kind == TensorProto.STRING:
        return 0
    try:
        name = TensorProto.DataType.Name(kind)
        bits = _BITS.get(name) or 8 * helper.tensor_dtype_to_np_dtype(kind).itemsize
    except (KeyError, ValueError, TypeError) as error:
        raise InputError(f"tensor {tensor.name!r} is of an unknown element type, {kind}") from error
    return int(-(-prod(tensor.dims) * bits // 8))


def place_of(tensor: TensorProto) -> tuple[Path, int]:
    """File and offset of a tensor that lies outside."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    return Path(entries["location"]), int(entries.get("offset") or 0)


def array_of(tensor: TensorProto) -> Array:
    """Values of a tensor, wherever they are; read-only, mapped where they lie in a file."""
    if not is_outside(tensor):
        return numpy_helper.to_array(tensor)
    path, offset = place_of(tensor)
    shape, size = tuple(tensor.dims), size_of(tensor)
    dtype = helper.tensor_dtype_to_np_dtype(tensor.data_type)
    if size and size == prod(shape) * dtype.itemsize:
        return np.memmap(path, dtype.newbyteorder("<"), "r", offset, shape)
    return numpy_helper.to_array(inside(tensor))


def inside(tensor: TensorProto) -> TensorProto:
    """The tensor of a file with its values in it."""
    path, offset = place_of(tensor)
    with path.open("rb") as file:
        file.seek(offset)
        raw = file.read(size_of(tensor))
    dims = tensor.dims
    return TensorProto(name=tensor.name, data_type=tensor.data_type, dims=dims, raw_data=raw)


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
