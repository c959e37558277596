"""Let the readers of a tensor read another one, those in subgraphs too."""

from __future__ import annotations

from collections.abc import Mapping

import onnx

from .modules import all_nodes, subgraphs


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
