"""Put a node behind a tensor: everything that read the tensor reads the node's output instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import onnx

from postprocess.errors import InputError

from .lookup import Values, tensor
from .names import fresh
from .operator import attributes_of, constant, schema_of
from .rename import all_names, reading
from .shapes import described
from .view import Index


def insert(
    model: onnx.ModelProto,
    after: str,
    op: str,
    attributes: Mapping[str, Any] | None = None,
    operands: Sequence[str | float | Sequence[float]] = (),
) -> onnx.ModelProto:
    """Return ``model`` with a node behind the tensor ``after``.

    Args:
        model: left as it is.
        after: the node's first input, a tensor of the main graph.
        op: an operator of the domain ``ai.onnx`` at the model's opset, of one output.
        attributes: of the node; an element type may be given by its name ("float16").
        operands: further inputs: names of tensors, or numbers that become weights.

    Raises:
        InputError: an unknown tensor, operator or attribute, or an operand that is made too late.
    """
    index, values = Index(model), Values(model)
    tensor(index, after, "after")
    schema = schema_of(model, op)
    taken = all_names(model)
    inserted = onnx.ModelProto()
    inserted.CopyFrom(model)
    graph = inserted.graph
    source, result = after, fresh(f"{after}.{op}", taken)
    position = index.maker.get(after, -1)
    names = []
    for place, operand in enumerate(operands, 1):
        if isinstance(operand, str):
            names.append(tensor(index, operand, "with"))
            position = max(position, index.maker.get(operand, -1))
            continue
        kind = values.info(after).type.tensor_type.elem_type
        weight = constant(schema, place, operand, kind, fresh(f"{result}.{place}", taken))
        graph.initializer.append(weight)
        names.append(weight.name)
    early = [i for i in index.readers.get(after, []) if i <= position]
    if early:
        reader = index.nodes[early[0]]
        raise InputError(
            f"with: an operand is made behind node {reader.name or reader.output[0]!r}, which "
            f"reads {after!r} already"
        )
    if after in index.outputs and after in index.maker:  # the node makes the output from here on
        source, result = result, after
        maker = graph.node[index.maker[after]]
        maker.output[:] = [source if name == after else name for name in maker.output]
    else:
        reading(graph, {after: result})
    given = attributes_of(schema, attributes or {})
    node = onnx.NodeProto(op_type=op, name=_label(graph, f"{after}/{op}"))
    node.input.extend([source, *names])
    node.output.append(result)
    node.attribute.extend(given)
    graph.node.insert(position + 1, node)
    return described(inserted)


def _label(graph: onnx.GraphProto, wanted: str) -> str:
    return fresh(wanted, {node.name for node in graph.node})
