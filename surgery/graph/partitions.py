"""Into how many pieces a target's refusals cut a graph.

The greedy grouping of ONNX Runtime (core/providers/partitioning_utils.cc): nodes are taken in
topological order; refused nodes that depend on the open group wait until it is complete, so that a
group grows as far as it can.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import onnx

from .modules import all_nodes, subgraphs


def partitions(
    nodes: Sequence[onnx.NodeProto], runs: Callable[[onnx.NodeProto], bool]
) -> list[int]:
    """Return the number of nodes of each group that the target runs in one go.

    Args:
        nodes: of one graph, topologically ordered, constants left out.
        runs: whether the target runs a node.
    """
    producers = {out: i for i, node in enumerate(nodes) for out in node.output if out}
    feeding = [{producers[name] for name in _reads(node) if name in producers} for node in nodes]
    consumers: list[list[int]] = [[] for _ in nodes]
    for position, sources in enumerate(feeding):
        for source in sources:
            consumers[source].append(position)
    missing = [len(sources) for sources in feeding]
    ready = deque(i for i, count in enumerate(missing) if count == 0)
    waiting: deque[int] = deque()
    groups: list[int] = []
    size, border = 0, set[int]()
    while ready or waiting:
        if not ready:  # the group has grown as far as it can
            groups += [size] if size else []
            size, border = 0, set()
            ready, waiting = waiting, deque()
            continue
        position = ready.popleft()
        if runs(nodes[position]):
            size += 1
            border.update(consumers[position])
        elif position in border:
            waiting.append(position)
            continue
        for consumer in consumers[position]:
            missing[consumer] -= 1
            if missing[consumer] == 0:
                ready.append(consumer)
    return groups + ([size] if size else [])


def _reads(node: onnx.NodeProto) -> set[str]:
    """Names that a node reads, its subgraphs included."""
    names = set(node.input)
    for subgraph in subgraphs(node):
        names.update(name for inner in all_nodes(subgraph) for name in inner.input)
    return names
