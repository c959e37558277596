"""Transposes that are no pair yet: pushed along until they meet, by ONNX Runtime's optimizer."""

from __future__ import annotations

import numpy as np
import onnx

from .graphs import difference, graph, node, operators, passed, refusals


def between() -> onnx.ModelProto:
    """A layer-wise bias and a gate over (N, H, W, C) between two Convs over (N, C, H, W)."""
    rng = np.random.default_rng(0)
    weights = {
        "first": rng.normal(size=(4, 3, 3, 3)),
        "second": rng.normal(size=(2, 4, 3, 3)),
        "bias": rng.normal(size=4),
    }
    return graph(
        [
            node("Conv", "x first", "a"),
            node("Transpose", "a", "last", perm=[0, 2, 3, 1]),
            node("Add", "last bias", "b"),
            node("Relu", "b", "c"),
            node("Transpose", "c", "back", perm=[0, 3, 1, 2]),
            node("Conv", "back second"),
        ],
        {"x": [1, 3, 8, 9]},
        weights={name: values.astype(np.float32) for name, values in weights.items()},
    )


def test_a_target_refuses_transposes_that_slim_leaves_and_this_takes_out() -> None:
    before = between()
    assert "Transpose: not among its operators" in refusals(before, "portable")
    assert operators(passed(before, "slim")[0]).count("Transpose") == 2
    after, declined = passed(before, "transpose")
    assert not declined
    assert "Transpose" not in operators(after)
    assert {entry.domain for entry in after.opset_import} == {""}
    assert refusals(after, "portable") == []
    assert difference(before, after) < 2e-6  # float32 sums of 36 products


def test_a_graph_without_one_is_left_alone() -> None:
    model = graph([node("Relu", "x")], {"x": [3]})
    assert passed(model, "transpose")[1] == "the graph has no Transpose"
