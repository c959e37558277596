"""Passes that put other nodes in the place of single ones: what they share.

Such a pass is one function: it looks at a node and what is known of its graph, and answers with a
:class:`Draft` of what takes the node's place, a reason why it cannot be done, or None where the
node is fine as it is. Only nodes of the main graph are looked at, not those of If and Loop bodies.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from ..graph.modules import all_nodes
from ..graph.names import fresh
from ..graph.shapes import Shape, element_types, infer, shapes
from ..graph.view import reads
from ..graph.weights import array_of
from .base import EVERY_OPSET, opset_of

Array = NDArray[Any]

NAMED = 3  # operators that a refusal lists


class Facts:
    """What is known of a graph: shapes, element types, constants, and who makes and reads a tensor.

    A weight that is listed as an input is none of its constants, since a caller may override it.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        self._model = model
        self.opset = opset_of(model)
        self.outputs = frozenset(value.name for value in model.graph.output)
        self.makers = {out: node for node in model.graph.node for out in node.output if out}
        read = [name for node in all_nodes(model.graph) for name in node.input if name]
        self._uses = Counter(read)
        self.names = {*self.makers, *read, *(t.name for t in model.graph.initializer)}

    @cached_property
    def _inferred(self) -> onnx.ModelProto:
        return infer(self._model)

    @cached_property
    def _shapes(self) -> dict[str, Shape]:
        return shapes(self._inferred)

    @cached_property
    def _types(self) -> dict[str, int]:
        return element_types(self._inferred)

    @cached_property
    def _weights(self) -> dict[str, onnx.TensorProto]:
        listed = {value.name for value in self._model.graph.input}
        return {t.name: t for t in self._model.graph.initializer if t.name not in listed}

    def shape(self, name: str) -> Shape | None:
        """Sizes, symbols, None for an unknown size; None where not even the rank is known."""
        return self._shapes.get(name)

    def sizes(self, name: str) -> tuple[int, ...] | None:
        """The shape where every size is a number, or else None."""
        shape = self.shape(name)
        if shape is None or not all(isinstance(size, int) for size in shape):
            return None
        return tuple(size for size in shape if isinstance(size, int))

    def element_type(self, name: str) -> int:
        """``TensorProto.DataType``, 0 where it is not known."""
        return self._types.get(name, 0)

    def constant(self, name: str) -> Array | None:
        """Values of a weight or of a Constant node; None for what is computed."""
        if name in self._weights:
            return array_of(self._weights[name])
        maker = self.makers.get(name)
        if maker is None or maker.op_type != "Constant" or maker.domain:
            return None
        value = maker.attribute[0]
        if value.type == onnx.AttributeProto.TENSOR:
            return numpy_helper.to_array(value.t)
        kept = helper.get_attribute_value(value)
        kind = np.int64 if value.name.startswith("value_int") else np.float32
        return np.array(kept, kind) if value.name.startswith(("value_int", "value_float")) else None

    def only_reader(self, name: str) -> bool:
        """Whether one node reads the tensor, and neither another nor the caller."""
        return self._uses[name] == 1 and name not in self.outputs

    def input(self, node: onnx.NodeProto, position: int) -> str:
        """Name of an input, "" where it is left out or is an empty constant."""
        name = node.input[position] if position < len(node.input) else ""
        values = self.constant(name) if name else None
        return "" if values is not None and values.size == 0 else name


class Draft:
    """Nodes and weights that take the place of ``node``, whose outputs keep their names."""

    def __init__(self, node: onnx.NodeProto, facts: Facts) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self._base = node.output[0]
        self._final = node.output[0]
        self._taken = facts.names

    def op(self, op_type: str, *inputs: str, final: bool = False, **attributes: Any) -> str:
        """Add a node, the ``final`` one with the replaced node's output, and return its output."""
        name = self._fresh(op_type)
        output = self._final if final else name
        self.nodes.append(helper.make_node(op_type, inputs, [output], name=name, **attributes))
        return output

    def like(self, node: onnx.NodeProto) -> onnx.NodeProto:
        """Add a copy of ``node``, which keeps its outputs, and return it to be changed."""
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        self.nodes.append(copy)
        return copy

    def behind(self, node: onnx.NodeProto, op_type: str, **attributes: Any) -> None:
        """Add a node behind ``node``, one of the draft's, and let it make the final output."""
        node.output[0] = self._fresh("before")
        self.op(op_type, node.output[0], final=True, **attributes)

    def weight(self, values: Array, role: str = "weight") -> str:
        """Add an initializer and return its name."""
        name = self._fresh(role)
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def ints(self, *values: int, role: str = "values") -> str:
        """Add an int64 initializer of rank 1 and return its name."""
        return self.weight(np.array(values, np.int64), role)

    def _fresh(self, role: str) -> str:
        return fresh(f"{self._base}.{role}", self._taken, first=2)


Answer = Draft | str | None


@dataclass(frozen=True)
class NodePass:
    """A pass over single nodes.

    Attributes:
        operators: of the nodes that are looked at, all of ``ai.onnx``.
        rewrite: what takes a node's place; must not change the node.
    """

    name: str
    summary: str
    operators: tuple[str, ...]
    rewrite: Callable[[onnx.NodeProto, Facts], Answer]
    opsets: range = range(11, EVERY_OPSET.stop)
    exact: bool = True
    renames: bool = False

    def check(self, model: onnx.ModelProto) -> str | None:
        """Return None where a node is to be replaced, or else the first reason why none is."""
        facts = Facts(model)
        reason = ""
        for node in model.graph.node:
            answer = self._answer(node, facts)
            if isinstance(answer, Draft):
                return None
            if isinstance(answer, str) and not reason:
                reason = f"{node.name or node.output[0]}: {answer}"
        named = " or ".join(self.operators) if len(self.operators) <= NAMED else "node"
        return reason or f"no {named} in the graph needs it"

    def apply(self, model: onnx.ModelProto) -> onnx.ModelProto:
        """Replace every node that can be, and drop what nothing reads any more."""
        facts = Facts(model)
        rewritten: list[onnx.NodeProto] = []
        for node in model.graph.node:
            answer = self._answer(node, facts)
            if isinstance(answer, Draft):
                rewritten += answer.nodes
                model.graph.initializer.extend(answer.weights)
            else:
                rewritten.append(node)
        _replace(model.graph, rewritten)
        return model

    def _answer(self, node: onnx.NodeProto, facts: Facts) -> Answer:
        fits = node.op_type in self.operators and node.domain in ("", "ai.onnx")
        return self.rewrite(node, facts) if fits else None


def _replace(graph: onnx.GraphProto, nodes: Sequence[onnx.NodeProto]) -> None:
    """Make ``nodes`` those of the graph, without what is read no more, weights included."""
    read_before = {name for node in all_nodes(graph) for name in node.input}
    never_read = {out for node in graph.node for out in node.output} - read_before
    needed = {value.name for value in graph.output} | never_read
    kept: list[onnx.NodeProto] = []
    for node in reversed(nodes):
        if needed.intersection(node.output):
            kept.append(onnx.NodeProto.FromString(node.SerializeToString()))
            needed.update(reads(node))
    weights = [t for t in graph.initializer if t.name in needed or t.name not in read_before]
    for field, values in ((graph.node, kept[::-1]), (graph.initializer, weights)):
        copies = [type(value).FromString(value.SerializeToString()) for value in values]
        del field[:]
        field.extend(copies)
    del graph.value_info[:]


def set_attribute(node: onnx.NodeProto, name: str, value: Any) -> None:
    """Give an attribute a value, or take it away with None."""
    kept = [a for a in node.attribute if a.name != name]
    if value is not None:
        kept.append(helper.make_attribute(name, value))
    del node.attribute[:]
    node.attribute.extend(kept)


def attribute(node: onnx.NodeProto, name: str, default: Any = None) -> Any:
    """Value of an attribute, strings as ``str``; ``default`` where it is left out."""
    for found in node.attribute:
        if found.name == name:
            value = helper.get_attribute_value(found)
            return value.decode() if isinstance(value, bytes) else value
    return default
