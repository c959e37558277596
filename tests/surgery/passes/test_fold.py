"""What a graph computes from constants alone is refused by targets until it is computed once."""

from __future__ import annotations

import numpy as np
import onnx

from surgery.passes.fold import CONSTANTS, FOLD, SUBEXPRESSIONS

from .graphs import difference, graph, node, operators, passed, refusals


def computed() -> onnx.ModelProto:
    """Two Convs whose common weight is a Where over constants, and one Relu twice."""
    rng = np.random.default_rng(0)
    weights = {
        "some": rng.normal(size=(3, 3, 3, 3)).astype(np.float32),
        "other": rng.normal(size=(3, 3, 3, 3)).astype(np.float32),
    }
    return graph(
        [
            node("Greater", "some other", "larger"),
            node("Where", "larger some other", "w"),
            node("Relu", "x", "a"),
            node("Relu", "x", "b"),
            node("Conv", "a w", "left"),
            node("Conv", "b w", "right", strides=[2, 2], pads=[1, 1, 1, 1]),
        ],
        {"x": [1, 3, 7, 7]},
        ("left", "right"),
        weights,
    )


def test_a_target_refuses_arithmetic_on_constants_until_it_is_done() -> None:
    before = computed()
    assert {line.partition(":")[0] for line in refusals(before, "portable")} >= {"Greater", "Where"}
    after, declined = passed(before, "fold")
    assert not declined
    assert refusals(after, "portable") == []
    assert sorted(operators(after)) == ["Conv", "Conv", "Relu"]
    assert difference(before, after) < 1e-6


def test_each_part_can_be_left_out_and_the_rest_goes_on() -> None:
    whole = computed()
    without = operators(FOLD.without([CONSTANTS]).apply(whole))
    assert "Where" in without
    assert without.count("Relu") == 1
    twice = operators(FOLD.without([SUBEXPRESSIONS]).apply(whole))
    assert "Where" not in twice
    assert twice.count("Relu") == 2
