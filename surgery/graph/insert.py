"""Put a node behind a tensor: everything that read the tensor reads the node's output instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import onnx

from postprocess.errors import InputError

from .lookup import tensor
from .names import fresh
from .operator import attributes_of, constant, schema_of
from .rename import reading
from .shapes import described
from .view import View


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
    view = View(model)
    tensor(view, after, "after")
    schema = schema_of(model, op)
    taken = view.names
    inserted = onnx.ModelProto()
    inserted.CopyFrom(model)
    graph = inserted.graph
    source, result = after, fresh(f"{after}.{op}", taken)
    position = view.maker.get(after, -1)
    names = []
    for place, operand in enumerate(operands, 1):
        if isinstance(operand, str):
            names.append(tensor(view, operand, "with"))
            position = max(position, view.maker.get(operand, -1))
            continue
        kind = view.info(after).type.tensor_type.elem_type
        weight = constant(schema, place, operand, kind, fresh(f"{result}.{place}", taken))
        graph.initializer.append(weight)
        names.append(weight.name)
    early = [i for i in view.readers.get(after, []) if i <= position]
    if early:
        reader = view.nodes[early[0]]
        raise InputError(
            f"with: an operand is made behind node {reader.name or reader.output[0]!r}, which "
            f"reads {after!r} already"
        )
    if after in view.outputs and after in view.maker:  # the node makes the output from here on
        source, result = result, after
        maker = graph.node[view.maker[after]]
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
