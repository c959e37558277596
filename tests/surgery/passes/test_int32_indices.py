"""Constant indices in int32, where that holds them."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from .graphs import difference, graph, node, passed

CASES = {
    "Gather": ("x i", {"i": np.array([2, 0, -1])}, {"axis": 1}),
    "GatherElements": ("x i", {"i": np.array([[2, 0], [1, 1]])}, {"axis": 1}),
    "ScatterElements": (
        "x i u",
        {"i": np.array([[2, 0]]), "u": np.array([[7, 8]], np.float32)},
        {"axis": 1},
    ),
    "Slice": (
        "x s e a",
        {"s": np.array([1]), "e": np.array([2**63 - 1]), "a": np.array([1])},
        {},
    ),
}


def case(name: str) -> onnx.ModelProto:
    inputs, weights, attributes = CASES[name]
    return graph([node(name, inputs, **attributes)], {"x": [2, 3]}, weights=weights)


def index_types(model: onnx.ModelProto) -> set[int]:
    used = {name for n in model.graph.node for name in n.input}
    return {t.data_type for t in model.graph.initializer if t.name in used} - {1}


@pytest.mark.parametrize("name", CASES)
def test_constant_indices_are_int32_and_take_the_same_elements(name: str) -> None:
    before = case(name)
    assert index_types(before) == {onnx.TensorProto.INT64}
    after, declined = passed(before, "int32_indices")
    assert not declined
    assert index_types(after) == {onnx.TensorProto.INT32}
    assert difference(before, after) == 0


def test_computed_indices_are_declined() -> None:
    model = graph([node("ArgMax", "x", "i", axis=0), node("Gather", "x i")], {"x": [2, 3]})
    assert passed(model, "int32_indices")[1] == "Gather: its indices are computed"
