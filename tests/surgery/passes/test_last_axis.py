"""Softmax, ArgMax and reductions over the last axis.

Tolerance: float32 sums of at most 30 elements in another order; 2e-7 measured.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest

from .graphs import difference, graph, node, operators, passed, refusals

TOLERANCE = 1e-6
FLOAT, INT64 = 1, 7


def test_a_target_takes_softmax_over_the_last_axis_alone() -> None:
    before = graph([node("Softmax", "x", axis=1)], {"x": [2, 4, 5, 6]})
    assert any(reason.startswith("Softmax: ") for reason in refusals(before, "xnnpack"))
    after, declined = passed(before, "last_axis")
    assert not declined
    assert operators(after) == ["Transpose", "Softmax", "Transpose"]
    assert [a.i for a in after.graph.node[1].attribute if a.name == "axis"] == [3]
    assert not any(reason.startswith("Softmax: ") for reason in refusals(after, "xnnpack"))
    assert difference(before, after) < TOLERANCE


@pytest.mark.parametrize("operator", ["ArgMax", "ArgMin"])
@pytest.mark.parametrize("keepdims", [0, 1])
def test_arg_max_moves_back_only_what_it_keeps(operator: str, keepdims: int) -> None:
    made = node(operator, "x", axis=-3, keepdims=keepdims)
    before = graph([made], {"x": [2, 4, 5, 6]}, kinds={"y": INT64})
    after, declined = passed(before, "last_axis")
    assert not declined
    assert operators(after) == ["Transpose", operator, *["Transpose"] * keepdims]
    assert difference(before, after) == 0


@pytest.mark.parametrize("keepdims", [0, 1])
@pytest.mark.parametrize("opset", [13, 18])
def test_reductions_take_their_axes_from_either_place(keepdims: int, opset: int) -> None:
    attributes: dict[str, Any] = {"keepdims": keepdims}
    if opset < 18:
        made = node("ReduceMean", "x", axes=[0, 2], **attributes)
    else:
        made = node("ReduceMean", "x axes", **attributes)
    weights = {"axes": np.array([2, -4])}
    before = graph([made], {"x": [2, 4, 5, 6]}, weights=weights, opset=opset)
    after, declined = passed(before, "last_axis")
    assert not declined
    assert operators(after)[:2] == ["Transpose", "ReduceMean"]
    assert difference(before, after) < TOLERANCE


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (graph([node("Softmax", "x")], {"x": [2, 4]}), "in the graph needs it"),
        (graph([node("ReduceMax", "x", axes=[2, 3])], {"x": [2, 4, 5, 6]}, opset=13), "needs it"),
        (graph([node("ReduceMax", "x")], {"x": [2, 4]}), "needs it"),
        (
            graph([node("Softmax", "x", axis=1)], {"x": [2, 4, 5, 6]}, opset=11),
            "before opset 13 it runs over all axes from 1 on",
        ),
    ],
)
def test_what_is_fine_or_means_something_else_is_declined(
    model: onnx.ModelProto, reason: str
) -> None:
    assert reason in passed(model, "last_axis")[1]
