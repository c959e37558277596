"""What a form of an operator is, and the two kinds that many operators share.

A form gets a node that it may change, a draft for new nodes and weights, and what is known of the
graph; it returns the nodes that compute the same one opset earlier, or the reason why there are
none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import onnx

from ...graph.view import View
from ..node_pass import Draft, attribute, set_attribute

Answer = list[onnx.NodeProto] | str
Form = Callable[[onnx.NodeProto, Draft, View], Answer]


def constants(node: onnx.NodeProto, place: int, view: View) -> list[float] | None:
    """Numbers of a constant input, None where it is computed; empty where it is left out."""
    name = node.input[place] if place < len(node.input) else ""
    if not name:
        return []
    values = view.constant(name)
    return None if values is None else values.ravel().tolist()


def input_as_attribute(place: int, name: str) -> Form:
    """A form that takes a constant from an input into an attribute."""

    def form(node: onnx.NodeProto, draft: Draft, view: View) -> Answer:
        values = constants(node, place, view)
        if values is None:
            return f"its {name} are computed, in older opsets they are an attribute"
        del node.input[place:]
        set_attribute(node, name, values or None)
        return [node]

    return form


def refuse_values(name: str, values: Sequence[str], form: Form | None = None) -> Form:
    """A form that refuses values which an attribute took later, and else is ``form``."""

    def checked(node: onnx.NodeProto, draft: Draft, view: View) -> Answer:
        if attribute(node, name) in values:
            return f"{name}={attribute(node, name)} came later"
        return [node] if form is None else form(node, draft, view)

    return checked
