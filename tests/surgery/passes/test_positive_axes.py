"""Negative axes and indices: only names for positions change, so equality to the bit."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from surgery.graph.view import View
from surgery.passes.node_pass import attribute
from surgery.targets.audit import audit
from surgery.targets.registry import load_target

from .graphs import difference, graph, node, passed

SHAPE = {"x": [2, 3, 4, 5]}


def test_a_target_takes_positive_indices_only() -> None:
    before = graph([node("Gather", "x i", axis=-2)], SHAPE, weights={"i": np.array([-1, 0, -4])})
    note = audit(before, load_target("qnn")).notes["Gather"]
    assert note == "Only supports positive indices"
    after, declined = passed(before, "positive_axes")
    assert not declined
    (made,) = after.graph.node
    indices = View(after).constant(made.input[1])
    assert attribute(made, "axis") == 2
    assert indices is not None
    assert indices.tolist() == [3, 0, 0]
    assert difference(before, after) == 0


@pytest.mark.parametrize(
    ("made", "axes"),
    [
        (node("Softmax", "x", axis=-1), [3]),
        (node("Concat", "x x", axis=-3), [1]),
        (node("ReduceSum", "x a"), [3, 0]),
        (node("Slice", "x zero one a"), [3, 0]),
        (node("Unsqueeze", "x a"), [5, 2]),
    ],
)
def test_axes_are_counted_from_the_front(made: onnx.NodeProto, axes: list[int]) -> None:
    weights = {"a": np.array([-1, -4]), "zero": np.array([0, 0]), "one": np.array([1, 1])}
    before = graph([made], SHAPE, weights=weights)
    after, declined = passed(before, "positive_axes")
    assert not declined
    (node_after,) = after.graph.node
    stated = attribute(node_after, "axis")
    constant = View(after).constant(node_after.input[-1])
    assert axes == ([stated] if stated is not None else list(constant))  # type: ignore[arg-type]
    assert difference(before, after) == 0


def test_attributes_of_older_opsets_are_changed_too() -> None:
    made = node("Unsqueeze", "x", axes=[-1, 1])
    before = graph([made], SHAPE, opset=11)
    after, _ = passed(before, "positive_axes")
    assert attribute(after.graph.node[0], "axes") == [5, 1]
    assert difference(before, after) == 0


def test_axes_that_are_computed_from_constants_are_constants_after_fold() -> None:
    nodes = [node("Sub", "one two", "a"), node("Squeeze", "x a")]
    weights = {"one": np.array([1]), "two": np.array([2])}
    before = graph(nodes, {"x": [2, 3, 1]}, weights=weights)
    assert "needs it" in passed(before, "positive_axes")[1]
    folded, _ = passed(before, "fold")
    after, declined = passed(folded, "positive_axes")
    assert not declined
    constant = View(after).constant(after.graph.node[0].input[1])
    assert constant is not None
    assert constant.tolist() == [2]
    assert difference(before, after) == 0


def test_the_end_of_an_open_size_is_declined() -> None:
    model = graph([node("Gather", "x i", axis=0)], {"x": ["n", 3]}, weights={"i": np.array([-1])})
    _, reason = passed(model, "positive_axes", {"n": 4})
    assert reason == "Gather: it takes elements from the end of an open size"
