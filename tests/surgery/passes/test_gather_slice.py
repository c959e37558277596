"""Constant, evenly spaced indices are a Slice; others stay a Gather."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from .graphs import difference, graph, node, operators, passed, refusals


def gather(indices: object, axis: int = 1, opset: int = 18) -> onnx.ModelProto:
    weights = {"i": np.array(indices, np.int64)}
    made = [node("Relu", "x", "r"), node("Gather", "r i", axis=axis)]
    return graph(made, {"x": [2, 6, 5]}, weights=weights, opset=opset)


def test_a_target_without_gather_takes_the_slice() -> None:
    before = gather([1, 2])
    assert any(line.startswith("Gather:") for line in refusals(before, "xnnpack"))
    after, _ = passed(before, "gather_slice")
    assert operators(after) == ["Relu", "Slice"]
    assert difference(before, after) == 0


@pytest.mark.parametrize("opset", [11, 18])
@pytest.mark.parametrize("indices", [0, -1, [3], [1, 3, 5], [-2, -1], [0, 1, 2, 3, 4, 5]])
def test_the_same_elements_are_taken(indices: object, opset: int) -> None:
    before = gather(indices, opset=opset)
    after, declined = passed(before, "gather_slice")
    assert not declined
    assert "Gather" not in operators(after)
    assert difference(before, after) == 0


@pytest.mark.parametrize(
    ("indices", "reason"),
    [
        ([2, 1], "not evenly spaced, or run backwards"),
        ([1, 1], "not evenly spaced, or run backwards"),
        ([0, 1, 3], "not evenly spaced, or run backwards"),
        ([[0, 1]], "its indices are of rank 2"),
    ],
)
def test_other_indices_are_declined(indices: object, reason: str) -> None:
    assert reason in passed(gather(indices), "gather_slice")[1]


def test_gather_of_rows_by_one_coordinate_is_a_slice_too() -> None:
    before = graph([node("GatherND", "x i")], {"x": [6, 5]}, weights={"i": np.array([[1], [2]])})
    after, _ = passed(before, "gather_slice")
    assert operators(after) == ["Slice"]
    assert difference(before, after) == 0


def test_arithmetic_on_sizes_is_left_to_constant_folding() -> None:
    model = graph(
        [node("Shape", "x", "s"), node("Gather", "s i", "n"), node("Cast", "n", to=1)],
        {"x": ["n", 5]},
        weights={"i": np.array(0)},
    )
    assert "no Gather" in passed(model, "gather_slice", {"n": 3})[1]
