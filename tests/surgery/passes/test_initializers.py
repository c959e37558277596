"""Weights listed as inputs, as files of IR version 3 have them, hold up folding and targets."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper

from .graphs import difference, graph, node, operators, passed, refusals


def listed() -> onnx.ModelProto:
    """Conv whose weight is a product of two, all of them listed as inputs."""
    rng = np.random.default_rng(0)
    shapes = {"w": [4, 3, 3, 3], "s": [4, 1, 1, 1]}
    model = graph(
        [node("Mul", "w s", "scaled"), node("Conv", "x scaled")],
        {"x": [1, 3, 6, 7]},
        weights={name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()},
    )
    for name, shape in shapes.items():
        model.graph.input.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
    return model


def test_a_target_refuses_the_weight_and_no_optimizer_folds_it_until_it_is_a_constant() -> None:
    before = listed()
    assert "Conv: input W must be constant" in refusals(before, "xnnpack")
    assert operators(passed(before, "fold")[0]) == ["Mul", "Conv"]
    freed, declined = passed(before, "initializers")
    assert not declined
    assert [value.name for value in freed.graph.input] == ["x"]
    folded, _ = passed(freed, "fold")
    assert operators(folded) == ["Conv"]
    assert refusals(folded, "xnnpack") == []
    assert difference(freed, folded) < 1e-6


def test_a_graph_without_such_weights_is_left_alone() -> None:
    model = passed(listed(), "initializers")[0]
    assert passed(model, "initializers")[1] == "no weight is listed as an input"


def test_what_the_caller_feeds_stays_an_input() -> None:
    model = graph([node("Add", "x z")], {"x": [3], "z": [3]})
    assert passed(model, "initializers")[1] == "no weight is listed as an input"
