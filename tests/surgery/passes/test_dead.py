"""Nodes and weights that no output depends on."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper

from .graphs import difference, graph, node, operators, passed, refusals


def forgotten() -> onnx.ModelProto:
    """A Relu, and a TopK over a product that nothing reads."""
    return graph(
        [
            node("Relu", "x"),
            node("Mul", "x w", "m"),
            node("TopK", "m k", "values indices", axis=1),
        ],
        {"x": [2, 4]},
        weights={"w": np.ones(4, np.float32), "k": np.array([2])},
    )


def test_a_target_refuses_what_nothing_reads_until_it_is_gone() -> None:
    before = forgotten()
    assert "TopK: not among its operators" in refusals(before, "portable")
    after, declined = passed(before, "dead")
    assert not declined
    assert refusals(after, "portable") == []
    assert operators(after) == ["Relu"]
    assert not after.graph.initializer
    assert difference(before, after) == 0


def test_what_an_output_a_subgraph_or_the_caller_needs_stays() -> None:
    inner = helper.make_graph(
        [helper.make_node("Add", ["m", "m"], ["t"], name="inner")],
        "branch",
        [],
        [helper.make_tensor_value_info("t", TensorProto.FLOAT, [2, 4])],
    )
    branch = helper.make_node("If", ["c"], ["y"], name="If", then_branch=inner, else_branch=inner)
    model = graph(
        [node("Neg", "x", "m"), branch],
        {"x": [2, 4], "unused": [3]},
        weights={"c": np.array(True)},
    )
    after, _ = passed(model, "dead")
    assert operators(after) == ["Neg", "If"]
    assert [value.name for value in after.graph.input] == ["x", "unused"]
    assert difference(model, after) == 0
