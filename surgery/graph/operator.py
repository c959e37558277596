"""One operator by its ONNX schema: does it exist, which attributes, of which type its inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto, helper, numpy_helper

from postprocess.errors import InputError
from postprocess.registry import suggestion

from .lookup import among
from .schemas import schema_at
from .view import opset_of

_ALIASES = {"FLOAT32": "FLOAT", "FLOAT64": "DOUBLE"}
_ELEMENT_TYPE = ("to", "dtype")


def schema_of(model: onnx.ModelProto, op: str) -> onnx.defs.OpSchema:
    """The schema of an operator at the model's opset.

    Raises:
        InputError: the domain ``ai.onnx`` has no such operator, or not yet, or it gives nothing.
    """
    opset = opset_of(model)
    known = sorted({schema.name for schema in onnx.defs.get_all_schemas() if not schema.domain})
    if op not in known:
        raise InputError(f"there is no operator {op!r}{suggestion(op, known)}")
    found = schema_at(op, opset)
    if found is None:
        since = min(
            s.since_version for s in onnx.defs.get_all_schemas_with_history() if s.name == op
        )
        raise InputError(f"{op} is of opset {since} and later, the graph is of {opset}")
    return found


def attributes_of(
    schema: onnx.defs.OpSchema, given: Mapping[str, Any]
) -> list[onnx.AttributeProto]:
    """Attributes of a node, of the types that the schema asks for.

    Raises:
        InputError: the operator has no such attribute, or it is of another type.
    """
    return [_attribute(schema, name, value) for name, value in given.items()]


def _attribute(schema: onnx.defs.OpSchema, name: str, value: Any) -> onnx.AttributeProto:
    kind = schema.attributes[among(name, schema.attributes, f"attribute of {schema.name}")].type
    if name in _ELEMENT_TYPE and isinstance(value, str):
        value = element_type(value)
    if kind == onnx.defs.OpSchema.AttrType.FLOAT and isinstance(value, int):
        value = float(value)
    if kind == onnx.defs.OpSchema.AttrType.FLOATS and isinstance(value, list):
        value = [float(each) for each in value]
    try:
        made = helper.make_attribute(name, value)
    except (TypeError, ValueError) as error:
        made = AttributeProto()
        cause = str(error)
    else:
        cause = f"got {value!r}"
    wanted = str(kind).rpartition(".")[2]
    if AttributeProto.AttributeType.Name(made.type) != wanted:
        raise InputError(f"attribute {name!r} of {schema.name} expects {wanted}, {cause}")
    return made


def element_type(name: str) -> int:
    """``TensorProto.DataType`` by name, numpy's or ONNX's: "float16", "FLOAT", "bfloat16".

    Raises:
        InputError: there is no such type.
    """
    upper = _ALIASES.get(name.upper(), name.upper())
    known = [each for each in dict(TensorProto.DataType.items()) if each != "UNDEFINED"]
    if upper not in known:
        listed = ", ".join(each.lower() for each in known)
        raise InputError(f"there is no element type {name!r} (there are: {listed})")
    return int(TensorProto.DataType.Value(upper))


def constant(
    schema: onnx.defs.OpSchema, place: int, values: float | Sequence[float], kind: int, name: str
) -> onnx.TensorProto:
    """A weight for an input of an operator.

    Args:
        schema: of the operator.
        place: of the input, from 0.
        values: a number or a list of them.
        kind: element type of the operator's first input; the weight's where the schema lets it.
        name: of the weight.

    Raises:
        InputError: the operator has no such input, or the values are no numbers.
    """
    formals = schema.inputs
    variadic = formals and formals[-1].option == onnx.defs.OpSchema.FormalParameterOption.Variadic
    if place >= len(formals) and not variadic:
        raise InputError(f"{schema.name} takes {len(formals)} inputs at most, got {place + 1}")
    formal = formals[min(place, len(formals) - 1)]
    constraints = {c.type_param_str: c.allowed_type_strs for c in schema.type_constraints}
    allowed = constraints.get(formal.type_str, [formal.type_str])
    own = f"tensor({TensorProto.DataType.Name(kind).lower()})"
    if own not in allowed:
        kind = TensorProto.INT64 if "tensor(int64)" in allowed else kind
    try:
        array = np.asarray(values, helper.tensor_dtype_to_np_dtype(kind))
    except (TypeError, ValueError):
        raise InputError(f"with expects names or numbers, got {values!r}") from None
    return numpy_helper.from_array(array, name)
