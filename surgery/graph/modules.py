"""Which module of the original network made a node: one metadata key, whatever exporter wrote it.

The dynamo exporter notes scopes in node metadata, the TorchScript exporter in node names, and most
ONNX tools lose both. The path is kept in ``metadata_props["surgery.module"]`` of each node
(``dla.base.level1.0``, dots as in ``named_modules``), and carried over what an optimiser rewrote.
"""

from __future__ import annotations

from collections.abc import Iterator

import onnx

MODULE_KEY = "surgery.module"


def all_nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """Yield the nodes of ``graph`` in order, each followed by those of its subgraphs."""
    for node in graph.node:
        yield node
        for subgraph in subgraphs(node):
            yield from all_nodes(subgraph)


def subgraphs(node: onnx.NodeProto) -> list[onnx.GraphProto]:
    """Return the graphs that ``node`` holds as attributes (branches of If, the body of Loop)."""
    single = [a.g for a in node.attribute if a.type == onnx.AttributeProto.GRAPH]
    return single + [g for a in node.attribute for g in a.graphs]


def all_graphs(graph: onnx.GraphProto) -> list[onnx.GraphProto]:
    """Return ``graph`` and the graphs inside of it, each before those that it holds."""
    return [graph, *(inner for node in all_nodes(graph) for inner in subgraphs(node))]


def module_of(node: onnx.NodeProto) -> str:
    """Return the path of the module that made ``node``, "" where it is not known."""
    return next((entry.value for entry in node.metadata_props if entry.key == MODULE_KEY), "")


def set_module(node: onnx.NodeProto, path: str) -> None:
    """Make the module path the only metadata of ``node``; none is left for an empty ``path``."""
    del node.metadata_props[:]
    if path:
        node.metadata_props.add(key=MODULE_KEY, value=path)


def carry_modules(before: onnx.ModelProto, after: onnx.ModelProto) -> None:
    """Give the nodes of ``after`` the module paths of ``before``, in place.

    A tensor that exists in both has the module that made it; where another type of node makes it
    now (a convolution that swallowed its BatchNorm), the nearest node of that type upstream in
    ``before`` is taken. A new node gets the module of what feeds it.
    """
    makers = {out: node for node in all_nodes(before.graph) for out in node.output if out}
    by_name = {node.name: node for node in all_nodes(before.graph) if node.name}
    paths: dict[str, str] = {}
    for node in all_nodes(after.graph):
        known = next((makers[out] for out in node.output if out in makers), None)
        if known is not None:
            path = _upstream(known, node.op_type, makers)
        elif node.name in by_name:
            path = module_of(by_name[node.name])
        else:
            path = next((paths[name] for name in node.input if paths.get(name)), "")
        set_module(node, path)
        paths.update(dict.fromkeys(node.output, path))


def _upstream(node: onnx.NodeProto, op_type: str, makers: dict[str, onnx.NodeProto]) -> str:
    """Module of ``node``, or of the nearest ``op_type`` on the way up along first inputs."""
    step: onnx.NodeProto | None = node
    for _ in range(4):  # as many nodes as the longest chain that one fusion swallows
        if step is None:
            break
        if step.op_type == op_type:
            return module_of(step)
        step = makers.get(step.input[0]) if step.input else None
    return module_of(node)
