"""auto_pad written out: the same numbers, also where the padding is odd."""

from __future__ import annotations

import numpy as np
import pytest

from .graphs import difference, graph, node, passed

RULES = ("SAME_UPPER", "SAME_LOWER", "VALID")


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(("stride", "size", "kernel"), [(1, 8, 3), (2, 8, 3), (2, 9, 2), (3, 7, 5)])
@pytest.mark.parametrize("operator", ["Conv", "MaxPool", "AveragePool"])
def test_pads_stand_for_the_rule(
    operator: str, rule: str, stride: int, size: int, kernel: int
) -> None:
    weight = np.random.default_rng(0).standard_normal((4, 3, kernel, kernel)).astype(np.float32)
    inputs = "x w" if operator == "Conv" else "x"
    given = {"auto_pad": rule, "strides": [stride] * 2, "kernel_shape": [kernel] * 2}
    model = graph(
        [node(operator, inputs, **given)],
        {"x": (1, 3, size, size)},
        weights={"w": weight} if operator == "Conv" else {},
    )
    after, reason = passed(model, "auto_pad")
    assert not reason
    assert [a.name for a in after.graph.node[0].attribute if a.name == "auto_pad"] == []
    assert difference(model, after) == 0


def test_an_open_size_is_declined() -> None:
    model = graph([node("MaxPool", "x", auto_pad="SAME_UPPER", kernel_shape=[3, 3])],
                  {"x": (1, 3, "h", "w")})  # fmt: skip
    assert "fix it first" in passed(model, "auto_pad", {"h": 8, "w": 8})[1]
