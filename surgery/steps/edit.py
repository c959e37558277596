"""Steps on single nodes and names: insert, remove, rename."""

from __future__ import annotations

from dataclasses import dataclass

import onnx

from postprocess.fields import Field

from ..graph.insert import insert
from ..graph.remove import position_of, remove
from ..graph.rename import rename
from ..graph.run import run
from ..graph.view import View
from .step import Arrays, Change, Expected


@dataclass(frozen=True)
class _Insert:
    """Put a node behind a tensor: everything that read the tensor reads the node's output instead.

    A missing sigmoid, a Cast to the type that a target wants, a Transpose between two layouts, a
    factor: one node, for which people write a script against protobuf and meet its traps one by
    one. A node appended at the end of the list is refused ("Nodes in a graph must be topologically
    sorted, however input ... of node ... is not output of any previous nodes"); an attribute of the
    wrong type ("Mismatched attribute type") or a misspelt one ("Unrecognized attribute") ends in
    many lines of the checker; readers in subgraphs are forgotten, which nobody tells at all.

    The node goes right behind what makes the tensor. Inputs and outputs of the graph keep their
    names: behind an input every reader is changed, and before an output what made it gets the new
    name. Operands beside the tensor are names of tensors, or numbers that become weights of the
    type that the operator's schema asks for; attributes are checked against that schema. What the
    graph computes changes by what the node does; that it still runs is checked.
    """

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


@dataclass(frozen=True)
class _Remove:
    """Take a node out: what read its output reads its input instead.

    A Sigmoid that the decoder applies itself, a Softmax behind the logits that a fit needs, a debug
    Identity, a Cast or Transpose that the host no longer wants. Deleting it from ``graph.node``
    alone leaves a graph that reads what nothing makes, and "Nodes in a graph must be topologically
    sorted" names the reader, not the gap; where the node made an output of the graph, the output is
    gone.

    The node's input stands in for its output everywhere, subgraphs included; an output of the graph
    keeps its name. With several inputs that are no weights, the caller says which one. Weights that
    only this node read go, too. What the graph computes changes by what the node did; types and
    shapes that no longer fit are found when the graph is checked and run.
    """

    name: str = "remove"
    summary: str = "a node, its input standing in for its output: {remove: {node: NAME}}"
    exact: bool = False

    def apply(self, model: onnx.ModelProto, argument: Field) -> Change:
        given = {"node": argument.text()} if isinstance(argument.value, str) else None
        field = Field(given, argument.file, argument.path) if given else argument
        field.only("node", "by")
        node, by = field["node"].text(), field.get("by", None)
        removed = remove(model, node, None if by.value is None else by.text())
        view = View(model)
        return Change((removed,), node, view.nodes[position_of(view, node)].op_type)


REMOVE = _Remove()


@dataclass(frozen=True)
class _Rename:
    """Give tensors of a graph other names: inputs and outputs above all.

    Exporters call the ends of a graph ``conv2d_441.tmp_1``, ``StatefulPartitionedCall:0`` or
    ``onnx::Conv_1234``; the host code has to know these names, and they change with the next
    export. In C++ a colon or a slash is no file name, in TensorRT no layer name, and a value
    renamed in ``graph.output`` alone gives "Graph must be in single static assignment (SSA) form"
    or an output that nothing makes: a tensor's name stands in the node that makes it, in every node
    that reads it, in subgraphs that capture it, and among the shapes stored in the file.

    All of these are changed together, several names at once (also two that change places). Exact:
    the graph gives the same arrays under the new names.
    """

    name: str = "rename"
    summary: str = "other names for tensors: {rename: {old: new}}"
    exact: bool = True

    def apply(self, model: onnx.ModelProto, argument: Field) -> Change:
        names = {str(old): new.text() for old, new in argument.items()}
        if not names:
            raise argument.error("new names by old names")

        def expect(feeds: Arrays) -> Expected:
            outputs = run(model, feeds)
            return Expected(
                {names.get(name, name): array for name, array in feeds.items()},
                {names.get(name, name): array for name, array in outputs.items()},
            )

        where = ", ".join(f"{old} -> {new}" for old, new in names.items())
        return Change((rename(model, names),), where, "", expect)


RENAME = _Rename()
