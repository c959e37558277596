"""Into how many pieces a target's refusals cut a graph.

The greedy grouping of ONNX Runtime (core/providers/partitioning_utils.cc): nodes are taken in
topological order; refused nodes that depend on the open group wait until it is complete, so that a
group grows as far as it can.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import onnx

from ..graph.view import feeding


def partitions(
    nodes: Sequence[onnx.NodeProto], runs: Callable[[onnx.NodeProto], bool]
) -> list[list[int]]:
    """Return the positions of the nodes of each group that the target runs in one go.

    Args:
        nodes: of one graph, topologically ordered, constants left out.
        runs: whether the target runs a node.
    """
    sources = feeding(nodes)
    consumers: list[list[int]] = [[] for _ in nodes]
    for position, found in enumerate(sources):
        for source in found:
            consumers[source].append(position)
    missing = [len(found) for found in sources]
    ready = deque(i for i, count in enumerate(missing) if count == 0)
    waiting: deque[int] = deque()
    groups: list[list[int]] = []
    group, border = list[int](), set[int]()
    while ready or waiting:
        if not ready:  # the group has grown as far as it can
            groups += [group] if group else []
            group, border = [], set()
            ready, waiting = waiting, deque()
            continue
        position = ready.popleft()
        if runs(nodes[position]):
            group.append(position)
            border.update(consumers[position])
        elif position in border:
            waiting.append(position)
            continue
        for consumer in consumers[position]:
            missing[consumer] -= 1
            if missing[consumer] == 0:
                ready.append(consumer)
    return groups + ([group] if group else [])
