"""One view of a graph: who makes and who reads each tensor, constants, shapes, element types.

A node reads what its subgraphs capture too. A tensor depends on no data where it is a weight, or
follows from weights and from shapes alone: cutting a graph need not cut those.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from postprocess.errors import InputError

from .modules import all_graphs, all_nodes, subgraphs
from .shapes import Shape, element_types, infer, shape_of, shapes
from .weights import array_of

Array = NDArray[Any]

SHAPE_OPERATORS = frozenset({"Shape", "Size"})
_MADE_UP = "unk__"  # how ONNX's inference begins a symbol of its own


class View:
    """The main graph of a model, each thing looked up when it is first asked for.

    Args:
        model: must keep its nodes while it is looked at.
        inferred: whether the model holds the shapes that ONNX infers already.

    Attributes:
        nodes: in the order of the file.
        weights: initializers by name.
        fixed: names of these and of sparse ones.
        listed: names of weights that are listed as inputs, which a caller may override.
        inputs: graph inputs that are not weights, in order.
        outputs: graph outputs, in order.
    """

    def __init__(self, model: onnx.ModelProto, *, inferred: bool = False) -> None:
        graph = model.graph
        self.model = model
        self.nodes = list(graph.node)
        self.weights = {tensor.name: tensor for tensor in graph.initializer}
        sparse = {tensor.values.name for tensor in graph.sparse_initializer}
        self.fixed = frozenset(self.weights) | sparse
        self.listed = self.fixed & {value.name for value in graph.input}
        self.inputs = [value.name for value in graph.input if value.name not in self.fixed]
        self.outputs = [value.name for value in graph.output]
        if inferred:
            self.inferred = model

    @property
    def opset(self) -> int:
        """Version of the domain ``ai.onnx``, 0 where the model names none."""
        return opset_of(self.model)

    @cached_property
    def maker(self) -> dict[str, int]:
        """Position of the node that makes a tensor."""
        return {
            name: position
            for position, node in enumerate(self.nodes)
            for name in node.output
            if name
        }

    @cached_property
    def makers(self) -> dict[str, onnx.NodeProto]:
        """The node that makes a tensor, in subgraphs too; none where several make one there."""
        nodes = list(all_nodes(self.model.graph))
        count = Counter(name for node in nodes for name in node.output)
        found = {name: node for node in nodes for name in node.output if count[name] == 1}
        found |= {name: self.nodes[position] for name, position in self.maker.items()}
        found.pop("", None)
        return found

    @cached_property
    def readers(self) -> dict[str, list[int]]:
        """Positions of the nodes that read a tensor."""
        found: dict[str, list[int]] = {}
        for position, node in enumerate(self.nodes):
            for name in reads(node):
                found.setdefault(name, []).append(position)
        return found

    @cached_property
    def names(self) -> set[str]:
        """Names of all tensors; those that are added to the graph may be added here."""
        return all_names(self.model)

    @cached_property
    def constants(self) -> frozenset[str]:
        """Tensors that depend on weights and shapes alone."""
        known = set(self.fixed)
        for node in self.nodes:
            read = reads(node)
            if node.op_type in SHAPE_OPERATORS or (read <= known and "Random" not in node.op_type):
                known.update(name for name in node.output if name)
        return frozenset(known)

    @cached_property
    def inferred(self) -> onnx.ModelProto:
        """The model without its large weights, with the shapes that ONNX infers."""
        return infer(self.model)

    @cached_property
    def shapes(self) -> dict[str, Shape]:
        """Known shapes by tensor: sizes, symbols, None for an unknown size."""
        return shapes(self.inferred)

    @cached_property
    def types(self) -> dict[str, int]:
        """Known ``TensorProto.DataType`` by tensor."""
        return element_types(self.inferred)

    def shape(self, name: str) -> Shape | None:
        """Shape of a tensor, None where not even the rank is known."""
        return self.shapes.get(name)

    def rank(self, name: str) -> int | None:
        """Number of axes, as inferred or, behind a Reshape to computed sizes, as the graph says."""
        shape = self.shape(name)
        if shape is None:
            stated = (v for v in self.model.graph.value_info if v.name == name)
            shape = next(map(shape_of, stated), None)
        return None if shape is None else len(shape)

    def sizes(self, name: str) -> tuple[int, ...] | None:
        """The shape where every size is a number, or else None."""
        shape = self.shape(name)
        if shape is None or not all(isinstance(size, int) for size in shape):
            return None
        return tuple(size for size in shape if isinstance(size, int))

    def element_type(self, name: str) -> int:
        """``TensorProto.DataType``, 0 where it is not known."""
        return self.types.get(name, 0)

    def info(self, name: str) -> onnx.ValueInfoProto:
        """The tensor as an input or output of a graph, with the file's own symbols.

        Raises:
            InputError: its element type is not known.
        """
        kind = self.element_type(name)
        if kind == TensorProto.UNDEFINED:
            raise InputError(
                f"the element type of tensor {name!r} is not known: ONNX infers nothing behind an "
                "operator of another domain"
            )
        shape = self.shape(name)
        named = None if shape is None else _named(shape, self._own_shapes.get(name))
        return helper.make_tensor_value_info(name, kind, named)

    @cached_property
    def _own_shapes(self) -> dict[str, Shape]:
        return shapes(self.model)

    def tensor(self, name: str) -> onnx.TensorProto | None:
        """The tensor of a weight or of a ``Constant`` node; None for what is computed."""
        found: onnx.TensorProto | None = self.weights.get(name)
        if found is not None:
            return found
        maker = self.makers.get(name)
        if maker is None or maker.op_type != "Constant" or maker.domain or not maker.attribute:
            return None
        value = maker.attribute[0]
        if value.type == onnx.AttributeProto.TENSOR:
            held: onnx.TensorProto = value.t
            return held
        if not value.name.startswith(("value_int", "value_float")):
            return None
        kind = np.int64 if value.name.startswith("value_int") else np.float32
        return numpy_helper.from_array(np.array(helper.get_attribute_value(value), kind))

    def constant(self, name: str) -> Array | None:
        """Values of a constant; None for what is computed, and for a weight that is an input."""
        tensor = None if name in self.listed else self.tensor(name)
        return None if tensor is None else array_of(tensor)

    def input(self, node: onnx.NodeProto, position: int) -> str:
        """Name of an input, "" where it is left out or is an empty constant."""
        name = node.input[position] if position < len(node.input) else ""
        values = self.constant(name) if name else None
        return "" if values is not None and values.size == 0 else name

    def only_reader(self, name: str) -> bool:
        """Whether one node reads the tensor, once, and neither another nor the caller."""
        positions = self.readers.get(name, [])
        if len(positions) != 1 or name in self.outputs:
            return False
        return list(self.nodes[positions[0]].input).count(name) == 1

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
        tensor = self.tensor(name)
        return None if tensor is None else tuple(tensor.dims)

    def varies_over_pixels(self, name: str) -> bool:
        """Whether a constant holds more than a number a channel: a grid or a table of weights."""
        size = self.size_of(name)
        return size is None or math.prod(size) != max(size, default=1)


def opset_of(model: onnx.ModelProto) -> int:
    """Version of the domain ``ai.onnx``, 0 where the model names none."""
    return next((e.version for e in model.opset_import if e.domain in ("", "ai.onnx")), 0)


def all_names(model: onnx.ModelProto) -> set[str]:
    """Names of all tensors of a graph, those inside subgraphs included."""
    found: set[str] = set()
    for graph in all_graphs(model.graph):
        found |= {value.name for value in (*graph.input, *graph.output)}
        found |= {tensor.name for tensor in graph.initializer}
        found |= {tensor.values.name for tensor in graph.sparse_initializer}
        found |= {name for node in graph.node for name in (*node.input, *node.output)}
    return found - {""}


def _named(shape: Shape, own: Shape | None) -> Shape:
    """An inferred shape with the file's own symbols for those that the inference made up."""
    if own is None or len(own) != len(shape):
        return shape
    return tuple(
        (known or side) if isinstance(side, str) and side.startswith(_MADE_UP) else side
        for side, known in zip(shape, own, strict=True)
    )


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
