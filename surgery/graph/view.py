"""Who makes and who reads each tensor of a graph, and which tensors depend on no data.

A node reads what its subgraphs capture too. A tensor is constant where it is a weight, or follows
from weights and from shapes alone: cutting a graph need not cut those.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property

import onnx

from .modules import all_nodes, subgraphs

SHAPE_OPERATORS = frozenset({"Shape", "Size"})


class Index:
    """The main graph of a model by position of its nodes.

    Attributes:
        nodes: in the order of the file.
        maker: position of the node that makes a tensor.
        readers: positions of the nodes that read a tensor.
        weights: initializers by name.
        fixed: names of these and of sparse ones.
        inputs: graph inputs that are not weights, in order.
        outputs: graph outputs, in order.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        graph = model.graph
        self.nodes = list(graph.node)
        self.weights = {tensor.name: tensor for tensor in graph.initializer}
        sparse = {tensor.values.name for tensor in graph.sparse_initializer}
        self.fixed = frozenset(self.weights) | sparse
        self.inputs = [value.name for value in graph.input if value.name not in self.fixed]
        self.outputs = [value.name for value in graph.output]
        self.maker = {
            name: position
            for position, node in enumerate(self.nodes)
            for name in node.output
            if name
        }
        self.readers: dict[str, list[int]] = {}
        for position, node in enumerate(self.nodes):
            for name in reads(node):
                self.readers.setdefault(name, []).append(position)

    @cached_property
    def constants(self) -> frozenset[str]:
        """Tensors that depend on weights and shapes alone."""
        known = set(self.fixed)
        for node in self.nodes:
            read = reads(node)
            if node.op_type in SHAPE_OPERATORS or (read <= known and "Random" not in node.op_type):
                known.update(name for name in node.output if name)
        return frozenset(known)

    def data(self, node: onnx.NodeProto) -> list[str]:
        """What a node reads that is not constant."""
        return [name for name in sorted(reads(node)) if name not in self.constants]

    def downstream(self, names: Iterable[str], *, stop: Iterable[str] = ()) -> set[str]:
        """Tensors that depend on the data of ``names``, these included, not looking past ``stop``.

        A shape taken of a tensor does not depend on its data.
        """
        barrier = set(stop)
        reached = set(names)
        waiting = [name for name in reached if name not in barrier]
        while waiting:
            for position in self.readers.get(waiting.pop(), []):
                for output in self.nodes[position].output:
                    if output and output not in reached and output not in self.constants:
                        reached.add(output)
                        if output not in barrier:
                            waiting.append(output)
        return reached

    def upstream(self, names: Iterable[str], *, stop: Iterable[str] = ()) -> set[int]:
        """Positions of the nodes that ``names`` need, not looking past ``stop``."""
        barrier = set(stop)
        waiting = [name for name in names if name not in barrier]
        found: set[int] = set()
        while waiting:
            position = self.maker.get(waiting.pop())
            if position is not None and position not in found:
                found.add(position)
                waiting += [n for n in reads(self.nodes[position]) if n not in barrier]
        return found

    def size_of(self, name: str) -> tuple[int, ...] | None:
        """Shape of a weight or ``Constant`` node's value; None for another tensor."""
        if name in self.weights:
            return tuple(self.weights[name].dims)
        node = self.nodes[self.maker[name]] if name in self.maker else None
        if node is None or node.op_type != "Constant":
            return None
        values = [a for a in node.attribute if a.name == "value"]
        return tuple(values[0].t.dims) if values else ()

    def varies_over_pixels(self, name: str) -> bool:
        """Whether a constant holds more than a number a channel: a grid or a table of weights."""
        size = self.size_of(name)
        return size is None or math.prod(size) != max(size, default=1)


def reads(node: onnx.NodeProto) -> set[str]:
    """Names that a node reads, those that its subgraphs capture from outside included."""
    names = {name for name in node.input if name}
    for subgraph in subgraphs(node):
        names |= captured(subgraph)
    return names


def captured(graph: onnx.GraphProto) -> set[str]:
    """Names that a subgraph takes from the graphs around it."""
    own = {value.name for value in graph.input} | {tensor.name for tensor in graph.initializer}
    own |= {name for node in graph.node for name in node.output}
    wanted = {name for node in graph.node for name in reads(node)}
    wanted |= {value.name for value in graph.output}
    return wanted - own


def inner_names(model: onnx.ModelProto) -> dict[str, str]:
    """Tensors made inside subgraphs, with the name of the main graph's node around them."""
    found: dict[str, str] = {}
    for node in model.graph.node:
        for subgraph in subgraphs(node):
            for inner in all_nodes(subgraph):
                for name in (*inner.output, inner.name):
                    found.setdefault(name, node.name or node.op_type)
    return found


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
