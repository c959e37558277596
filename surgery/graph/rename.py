"""Give tensors of a graph other names: inputs and outputs above all."""

from __future__ import annotations

from collections.abc import Mapping

import onnx

from postprocess.errors import InputError

from .lookup import tensor
from .modules import all_graphs, all_nodes, subgraphs
from .view import View


def rename(model: onnx.ModelProto, names: Mapping[str, str]) -> onnx.ModelProto:
    """Return ``model`` with other names for some of its tensors.

    Args:
        model: left as it is.
        names: new name by old name of a tensor of the main graph.

    Raises:
        InputError: an old name is unknown, or a new one is empty, given twice or taken.
    """
    view = View(model)
    for old, new in names.items():
        tensor(view, old, "rename")
        if not new:
            raise InputError(f"rename expects a new name for {old!r}, got an empty one")
    wanted = list(names.values())
    taken = view.names - set(names)
    for new in wanted:
        if wanted.count(new) > 1:
            raise InputError(f"rename gives the name {new!r} to {wanted.count(new)} tensors")
        if new in taken:
            raise InputError(f"rename gives the name {new!r}, which another tensor has")
    return substituted(model, names)


def substituted(model: onnx.ModelProto, names: Mapping[str, str]) -> onnx.ModelProto:
    """Return a copy of ``model`` in which tensors are called otherwise, in subgraphs too."""
    renamed = onnx.ModelProto()
    renamed.CopyFrom(model)
    for graph in all_graphs(renamed.graph):
        for node in graph.node:
            node.input[:] = [names.get(name, name) for name in node.input]
            node.output[:] = [names.get(name, name) for name in node.output]
        for holder in (graph.input, graph.output, graph.initializer, graph.value_info):
            for item in holder:
                item.name = names.get(item.name, item.name)
        for sparse in graph.sparse_initializer:
            sparse.values.name = names.get(sparse.values.name, sparse.values.name)
    return renamed


def reading(graph: onnx.GraphProto, names: Mapping[str, str]) -> None:
    """Make every node read ``names[tensor]`` where it read ``tensor``, in place.

    What nodes make, and the inputs and outputs of the main graph, keep their names.
    """
    for node in all_nodes(graph):
        node.input[:] = [names.get(name, name) for name in node.input]
        for inner in subgraphs(node):  # a subgraph may hand a captured tensor on as it is
            made = {name for each in inner.node for name in each.output}
            for value in inner.output:
                if value.name not in made:
                    value.name = names.get(value.name, value.name)
