"""What lies upstream and downstream of each node of a graph.

Nodes are those of one graph in topological order; what a node's subgraphs read counts as read by
the node.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import onnx

from .view import reads


def feeding(nodes: Sequence[onnx.NodeProto]) -> list[set[int]]:
    """Return, for each node, the positions of the nodes whose outputs it reads."""
    producers = {out: i for i, node in enumerate(nodes) for out in node.output if out}
    return [{producers[name] for name in reads(node) if name in producers} for node in nodes]


def upstream(
    nodes: Sequence[onnx.NodeProto], holds: Callable[[onnx.NodeProto], bool]
) -> list[bool]:
    """Return, for each node, whether ``holds`` is true of a node that it depends on."""
    own = [holds(node) for node in nodes]
    found = [False] * len(nodes)
    for position, sources in enumerate(feeding(nodes)):
        found[position] = any(own[source] or found[source] for source in sources)
    return found


def downstream(
    nodes: Sequence[onnx.NodeProto], holds: Callable[[onnx.NodeProto], bool]
) -> list[bool]:
    """Return, for each node, whether ``holds`` is true of a node that depends on it."""
    own = [holds(node) for node in nodes]
    found = [False] * len(nodes)
    sources = feeding(nodes)
    for position in reversed(range(len(nodes))):
        if own[position] or found[position]:
            for source in sources[position]:
                found[source] = True
    return found
