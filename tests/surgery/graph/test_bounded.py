"""Probabilities near zero round as those near one half do; other outputs get no floor."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from surgery.graph.bounded import ROUNDING, floors
from surgery.passes import Check


def scaled(operator: str, bias: float) -> onnx.ModelProto:
    """``operator`` of x + bias, moved about."""
    nodes = [
        helper.make_node("Add", ["x", "bias"], ["logit"]),
        helper.make_node(operator, ["logit"], ["map"]),
        helper.make_node("Transpose", ["map"], ["y"], perm=[1, 0]),
    ]
    ports = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, [3, 4]),
        helper.make_tensor_value_info("y", TensorProto.FLOAT, [4, 3]),
    ]
    weights = [numpy_helper.from_array(np.float32([bias]), "bias")]
    graph = helper.make_graph(nodes, "g", ports[:1], ports[1:], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize(("operator", "floor"), [("Sigmoid", ROUNDING), ("Relu", None)])
def test_only_outputs_of_bounded_operators_have_a_floor(operator: str, floor: float | None) -> None:
    assert floors(scaled(operator, 0.0)).get("y") == floor


def test_a_probability_of_a_millionth_may_round_and_a_larger_error_may_not() -> None:
    x = np.zeros((3, 4), np.float32)
    check = Check({"x": x})
    assert check(scaled("Sigmoid", -12.5), scaled("Sigmoid", -12.52)) is None
    assert check(scaled("Sigmoid", -12.5), scaled("Sigmoid", -12.0)) is not None
    assert check(scaled("Relu", 1e-6), scaled("Relu", 1.1e-6)) is not None
