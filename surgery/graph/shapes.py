"""Types and shapes of every tensor in a graph, its inputs and outputs first, by ONNX's inference.

Inference works on a copy without the weights, so that a network of gigabytes costs milliseconds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import onnx
from onnx import TensorProto, helper

from .weights import with_weights_as_inputs

Dim = int | str | None
Shape = tuple[Dim, ...]

# Constants up to this many elements take part in inference (Reshape targets, Slice bounds, ...).
SMALL = 256


def skeleton(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy of ``model`` whose large weights have their shape and type but no values."""
    bare = onnx.ModelProto()
    bare.ir_version = model.ir_version
    bare.opset_import.extend(model.opset_import)
    bare.functions.extend(model.functions)
    graph = bare.graph
    graph.name = model.graph.name
    graph.node.extend(model.graph.node)
    graph.input.extend(model.graph.input)
    graph.output.extend(model.graph.output)
    graph.sparse_initializer.extend(model.graph.sparse_initializer)
    for tensor in model.graph.initializer:
        external = tensor.data_location == onnx.TensorProto.EXTERNAL
        if external or math.prod(tensor.dims) > SMALL:
            graph.initializer.add(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims)
        else:
            graph.initializer.append(tensor)
    return bare


def infer(model: onnx.ModelProto, sizes: Mapping[str, int] | None = None) -> onnx.ModelProto:
    """Return the skeleton of ``model`` with the shapes that ONNX can infer.

    Args:
        model: left as it is.
        sizes: numbers to put in the place of symbols of the graph's inputs.
    """
    bare = skeleton(model)
    if sizes:
        for value in bare.graph.input:
            for dim in value.type.tensor_type.shape.dim:
                if dim.dim_param in sizes:
                    dim.dim_value = sizes[dim.dim_param]
        for value in bare.graph.output:
            value.type.tensor_type.ClearField("shape")
    try:
        return onnx.shape_inference.infer_shapes(bare, data_prop=True)
    except (onnx.shape_inference.InferenceError, RuntimeError, ValueError):
        return bare


def shape_of(value: onnx.ValueInfoProto) -> Shape | None:
    """Return the shape of a tensor: sizes, symbols, None for an unknown size; None for no rank."""
    tensor = value.type.tensor_type
    if not value.type.HasField("tensor_type") or not tensor.HasField("shape"):
        return None
    return tuple(
        dim.dim_value if dim.HasField("dim_value") else (dim.dim_param or None)
        for dim in tensor.shape.dim
    )


def shapes(model: onnx.ModelProto) -> dict[str, Shape]:
    """Return the known shapes of ``model`` by tensor name, weights included."""
    graph = model.graph
    known: dict[str, Shape] = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    for value in (*graph.value_info, *graph.input, *graph.output):
        shape = shape_of(value)
        if shape is not None:
            known[value.name] = shape
    return known


def element_types(model: onnx.ModelProto) -> dict[str, int]:
    """Return the known ``TensorProto.DataType`` of ``model`` by tensor name."""
    graph = model.graph
    known = {tensor.name: tensor.data_type for tensor in graph.initializer}
    for value in (*graph.value_info, *graph.input, *graph.output):
        if value.type.tensor_type.elem_type:
            known[value.name] = value.type.tensor_type.elem_type
    return known


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


def described(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return ``model`` with its outputs as ONNX infers them and no shapes stored of what is inside.

    Where nothing can be inferred, the type and the shape stay those that were there.
    """
    own = onnx.ModelProto()
    own.CopyFrom(model)
    del own.graph.value_info[:]
    bare = onnx.ModelProto()
    bare.CopyFrom(own)
    for value in bare.graph.output:
        value.type.Clear()
        value.type.tensor_type.elem_type = TensorProto.UNDEFINED
    inferred = infer(bare)
    known, types = shapes(inferred), element_types(inferred)
    for value in own.graph.output:
        if value.name in types:
            shape = known.get(value.name)
            value.CopyFrom(helper.make_tensor_value_info(value.name, types[value.name], shape))
    return own


def check_model(model: onnx.ModelProto) -> None:
    """Run ONNX's checker, which wants a shape of every output; inference may know none.

    Raises what the checker raises: its ValidationError, or protobuf's errors for sizes.
    """
    checked = onnx.ModelProto()
    checked.CopyFrom(with_weights_as_inputs(model))
    for value in checked.graph.output:
        if not value.type.tensor_type.HasField("shape"):
            value.type.tensor_type.shape.SetInParent()
    onnx.checker.check_model(checked)
