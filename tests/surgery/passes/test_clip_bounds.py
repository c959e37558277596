"""Clip with bounds that are missing or computed."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from .graphs import difference, graph, node, operators, passed, refusals

FLOAT, INT64 = 1, 7


def clip(inputs: str, kind: int = FLOAT, opset: int = 18) -> onnx.ModelProto:
    dtype = np.float32 if kind == FLOAT else np.int64
    weights = {name: np.array(value, dtype) for name, value in (("zero", 0), ("six", 6), ("m", -1))}
    names = ("x", "low", "high", "y")
    return graph(
        [node("Clip", inputs)],
        {"x": [3, 4], "low": [], "high": []},
        weights=weights,
        opset=opset,
        kinds=dict.fromkeys(names, kind),
    )


def test_a_target_refuses_computed_bounds_and_takes_the_constant_ones() -> None:
    before = clip("x low high")
    assert refusals(before, "xnnpack") == ["Clip: input min must be constant"]
    after, _ = passed(before, "clip_bounds")
    assert operators(after) == ["Max", "Min"]
    assert difference(before, after) == 0


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ("x zero", ["Relu"]),
        ("x m", ["Max"]),
        ("x - six", ["Min"]),
        ("x zero high", ["Max", "Min"]),
        ("x", ["Identity"]),
    ],
)
def test_each_missing_bound_has_its_operator(inputs: str, expected: list[str]) -> None:
    before = clip(inputs)
    after, declined = passed(before, "clip_bounds")
    assert not declined
    assert operators(after) == expected
    assert difference(before, after) == 0


def test_integers_are_clipped_by_max_and_min() -> None:
    before = clip("x zero", INT64)
    after, _ = passed(before, "clip_bounds")
    assert operators(after) == ["Max"]
    assert difference(before, after) == 0


def test_constant_bounds_stay() -> None:
    assert passed(clip("x zero six"), "clip_bounds")[1] == "no Clip in the graph needs it"


def test_integers_in_old_opsets_are_declined() -> None:
    assert "before opset 12" in passed(clip("x zero", INT64, opset=11), "clip_bounds")[1]
