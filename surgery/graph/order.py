"""Nodes in an order in which each reads only what was made before it.

ONNX wants the nodes of a graph sorted so; ONNX Runtime does not, and some converters (that of
onnxruntime to float16) append the casts of the inputs at the end of the list.
"""

from __future__ import annotations

import onnx

from .view import reads


def in_order(model: onnx.ModelProto) -> bool:
    """Sort the nodes of the main graph in place where they are not; says whether it did.

    The order stays as near to the file's as it can: a node moves behind the last one that makes
    what it reads. A graph with a cycle is left alone, for :func:`~.whole.check_whole` to name it.
    """
    nodes = list(model.graph.node)
    makers = {out: position for position, node in enumerate(nodes) for out in node.output if out}
    needs = [
        sorted({makers[name] for name in reads(node) if name in makers} - {position})
        for position, node in enumerate(nodes)
    ]
    if all(not needed or needed[-1] < position for position, needed in enumerate(needs)):
        return False
    order: list[int] = []
    done: set[int] = set()
    for start in range(len(nodes)):
        stack, path = [start], {start}
        while stack:
            position = stack[-1]
            missing = next((n for n in needs[position] if n not in done), None)
            if missing in path:
                return False
            if missing is not None:
                stack.append(missing)
                path.add(missing)
                continue
            stack.pop()
            path.discard(position)
            if position not in done:
                done.add(position)
                order.append(position)
    moved = [onnx.NodeProto() for _ in order]
    for copy, position in zip(moved, order, strict=True):
        copy.CopyFrom(nodes[position])
    del model.graph.node[:]
    model.graph.node.extend(moved)
    return True
