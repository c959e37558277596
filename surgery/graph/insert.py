"""Put a node behind a tensor: everything that read the tensor reads the node's output instead.

A missing sigmoid, a Cast to the type that a target wants, a Transpose between two layouts, a
factor: one node, for which people write a script against protobuf and meet its traps one by one.
A node appended at the end of the list is refused ("Nodes in a graph must be topologically sorted,
however input ... of node ... is not output of any previous nodes"); an attribute of the wrong type
("Mismatched attribute type") or a misspelt one ("Unrecognized attribute") is told by the checker,
in many lines; readers in subgraphs are forgotten, which nobody tells at all.

The node goes right behind what makes the tensor. Inputs and outputs of the graph keep their names:
behind an input every reader is changed, and before an output what made it gets the new name.
Operands beside the tensor are names of tensors, or numbers that become weights of the type that
the operator's schema asks for; attributes are checked against that schema. What the graph computes
changes by what the node does; that it still runs is checked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import onnx

from postprocess.errors import InputError
from postprocess.fields import Field

from .index import Index
from .lookup import Values, tensor
from .names import fresh
from .operator import attributes_of, constant, schema_of
from .outputs import described
from .rename import all_names
from .step import Change
from .substitute import reading


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


@dataclass(frozen=True)
class _Insert:
    name: str = "insert"
    summary: str = "a node behind a tensor: {insert: {after: a, op: Cast, to: float16}}"
    exact: bool = False

    def apply(self, model: onnx.ModelProto, argument: Field) -> Change:
        given = dict(argument.mapping())
        after, op = argument["after"].text(), argument["op"].text()
        operands = given.pop("with", [])
        operands = operands if isinstance(operands, list) else [operands]
        attributes = {key: value for key, value in given.items() if key not in ("after", "op")}
        inserted = insert(model, after, op, attributes, operands)
        return Change((inserted,), after, f"{op} behind {after}")


INSERT = _Insert()
