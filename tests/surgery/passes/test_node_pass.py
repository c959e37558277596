"""What passes over single nodes have in common."""

from __future__ import annotations

import numpy as np
import onnx

from surgery.graph.view import View
from surgery.passes.node_pass import Answer, Draft, NodePass

from .graphs import difference, graph, node, operators


def _doubled(node: onnx.NodeProto, view: View) -> Answer:
    """Relu(x) as Relu(x * 1), for a test."""
    if view.input(node, 0) == "z":
        return "z stays"
    draft = Draft(node, view)
    scaled = draft.op("Mul", node.input[0], draft.weight(np.float32(1)))
    draft.op("Relu", scaled, final=True)
    return draft


DOUBLED = NodePass("doubled", "made for a test", ("Relu",), _doubled)


def test_a_graph_without_such_a_node_is_told_so() -> None:
    assert DOUBLED.check(graph([node("Abs", "x")], {"x": [2]})) == ("no Relu in the graph needs it")


def test_the_first_refusal_names_its_node() -> None:
    assert DOUBLED.check(graph([node("Relu", "z")], {"z": [2]})) == "Relu: z stays"


def test_one_node_that_can_be_replaced_is_enough_and_the_others_stay() -> None:
    before = graph([node("Relu", "z", "a"), node("Relu", "a", "y")], {"z": [2, 3]})
    assert DOUBLED.check(before) is None
    after = DOUBLED.apply(onnx.ModelProto.FromString(before.SerializeToString()))
    assert operators(after) == ["Relu", "Mul", "Relu"]
    assert difference(before, after) == 0


def test_new_names_do_not_meet_those_that_are_there() -> None:
    before = graph([node("Relu", "x", "y.weight"), node("Relu", "y.weight", "y")], {"x": [2, 3]})
    after = DOUBLED.apply(onnx.ModelProto.FromString(before.SerializeToString()))
    onnx.checker.check_model(after, full_check=True)
    assert difference(before, after) == 0
