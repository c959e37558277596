"""GELU's half is multiplied last; other products stay."""

from __future__ import annotations

import numpy as np
import pytest

from .graphs import difference, graph, node, operators, passed

ERF = [node("Div", "x root", "d"), node("Erf", "d", "e"), node("Add", "e unit", "a")]
WEIGHTS = {"root": np.float32(2**0.5), "unit": np.float32(1), "half": np.float32(0.5)}


@pytest.mark.parametrize(("first", "second"), [("half a", "x m"), ("a half", "m x")])
def test_the_half_goes_behind(first: str, second: str) -> None:
    model = graph([*ERF, node("Mul", first, "m"), node("Mul", second)], {"x": (2, 8)},
                  weights=WEIGHTS)  # fmt: skip
    after, reason = passed(model, "gelu_order")
    assert not reason
    assert operators(after) == ["Div", "Erf", "Add", "Mul", "Mul"]
    assert after.graph.node[-1].input[1] == "half"
    assert difference(model, after) == 0


def test_the_order_that_is_wanted_is_left_alone() -> None:
    model = graph([*ERF, node("Mul", "x a", "m"), node("Mul", "m half")], {"x": (2, 8)},
                  weights=WEIGHTS)  # fmt: skip
    assert passed(model, "gelu_order")[1]
