"""Clip with bounds that are missing, computed or not those that every target takes."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from .graphs import difference, graph, node, operators, passed, refusals

FLOAT, INT64 = 1, 7


def clip(inputs: str, kind: int = FLOAT, opset: int = 18) -> onnx.ModelProto:
    dtype = np.float32 if kind == FLOAT else np.int64
    values = {"zero": 0, "six": 6, "m": -1, "one": 1}
    weights = {name: np.array(value, dtype) for name, value in values.items()}
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


def test_bounds_that_nnapi_lacks_are_taken_apart_and_those_that_it_has_stay() -> None:
    before = clip("x zero one")
    assert refusals(before, "nnapi") == ["Clip: clips to [0, 1], takes [0, 6] or [-1, 1]"]
    after, _ = passed(before, "clip_bounds")
    assert operators(after) == ["Max", "Min"]
    assert refusals(after, "nnapi") == []
    assert difference(before, after) == 0
    for inputs in ("x zero six", "x m one"):
        assert refusals(clip(inputs), "nnapi") == []
        assert passed(clip(inputs), "clip_bounds")[1] == "no Clip in the graph needs it"


def test_integers_in_old_opsets_are_declined() -> None:
    assert "before opset 12" in passed(clip("x zero", INT64, opset=11), "clip_bounds")[1]
