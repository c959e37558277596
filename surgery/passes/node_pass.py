"""Passes that put other nodes in the place of single ones: what they share.

Such a pass is one function: it looks at a node and what is known of its graph, and answers with a
:class:`Draft` of what takes the node's place, a reason why it cannot be done, or None where the
node is fine as it is. Only nodes of the main graph are looked at, not those of If and Loop bodies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import onnx
from numpy.typing import NDArray
from onnx import helper

from ..graph.builder import Builder
from ..graph.modules import all_nodes
from ..graph.names import fresh
from ..graph.view import View, reads
from .base import EVERY_OPSET

Array = NDArray[Any]

NAMED = 3  # operators that a refusal lists


class Draft(Builder):
    """Nodes and weights that take the place of ``node``, whose outputs keep their names."""

    def __init__(self, node: onnx.NodeProto, view: View) -> None:
        base = self._final = node.output[0]
        super().__init__(lambda role: fresh(f"{base}.{role}", view.names, first=2))

    def op(self, op_type: str, *inputs: str, final: bool = False, **attributes: Any) -> str:
        """Add a node, the ``final`` one with the replaced node's output, and return its output."""
        output = super().op(op_type, *inputs, **attributes)
        if final:
            output = self.nodes[-1].output[0] = self._final
        return output

    def like(self, node: onnx.NodeProto) -> onnx.NodeProto:
        """Add a copy of ``node``, which keeps its outputs, and return it to be changed."""
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        self.nodes.append(copy)
        return copy

    def behind(self, node: onnx.NodeProto, op_type: str, **attributes: Any) -> None:
        """Add a node behind ``node``, one of the draft's, and let it make the final output."""
        node.output[0] = self.fresh("before")
        self.op(op_type, node.output[0], final=True, **attributes)


Answer = Draft | str | None


@dataclass(frozen=True)
class NodePass:
    """A pass over single nodes.

    Attributes:
        operators: of the nodes that are looked at, all of ``domain``.
        rewrite: what takes a node's place; must not change the node.
    """

    name: str
    summary: str
    operators: tuple[str, ...]
    rewrite: Callable[[onnx.NodeProto, View], Answer]
    opsets: range = range(11, EVERY_OPSET.stop)
    exact: bool = True
    renames: bool = False
    domain: str = "ai.onnx"

    def check(self, model: onnx.ModelProto) -> str | None:
        """Return None where a node is to be replaced, or else the first reason why none is."""
        view = self._view(model)
        reason = ""
        for node in model.graph.node:
            answer = self._answer(node, view)
            if isinstance(answer, Draft):
                return None
            if isinstance(answer, str) and not reason:
                reason = f"{node.name or node.output[0]}: {answer}"
        named = " or ".join(self.operators) if len(self.operators) <= NAMED else "node"
        return reason or f"no {named} in the graph needs it"

    def apply(self, model: onnx.ModelProto) -> onnx.ModelProto:
        """Replace every node that can be, and drop what nothing reads any more."""
        view = self._view(model)
        rewritten: list[onnx.NodeProto] = []
        for node in model.graph.node:
            answer = self._answer(node, view)
            if isinstance(answer, Draft):
                rewritten += answer.nodes
                model.graph.initializer.extend(answer.weights)
            else:
                rewritten.append(node)
        _replace(model.graph, rewritten)
        return model

    def _view(self, model: onnx.ModelProto) -> View:
        return View(model)

    def _answer(self, node: onnx.NodeProto, view: View) -> Answer:
        fits = node.op_type in self.operators and (node.domain or "ai.onnx") == self.domain
        return self.rewrite(node, view) if fits else None


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
