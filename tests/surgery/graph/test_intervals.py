"""Bounds of whole-number tensors hold every number that the graph can give."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from surgery.graph.intervals import intervals

INT64 = TensorProto.INT64
RANGES = [(-3, 2), (0, 4), (1, 3), (-5, -2), (2, 2)]

OPERATORS: dict[str, Callable[..., NDArray[np.int64]]] = {
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Div": lambda a, b: np.trunc(a / b).astype(np.int64),
    "Mod": np.mod,
    "Max": np.maximum,
    "Min": np.minimum,
}


@pytest.mark.parametrize("name", OPERATORS)
def test_arithmetic_stays_within_its_bounds_and_reaches_them(name: str) -> None:
    for a in RANGES:
        for b in RANGES:
            numbers = {"a": np.arange(a[0], a[1] + 1), "b": np.arange(b[0], b[1] + 1)}
            node = helper.make_node(name, ["a", "b"], ["y"])
            found = intervals([node], numbers.get, {}, {"y": INT64}).get("y")
            if name in ("Div", "Mod") and 0 in numbers["b"]:
                assert found is None
                continue
            made = OPERATORS[name](numbers["a"][:, None], numbers["b"])
            assert found is not None
            assert found[0] <= made.min()
            assert made.max() <= found[1]
            if name not in ("Mod", "Max", "Min"):  # those are wider, for less code
                assert found == (made.min(), made.max())


def test_positions_are_below_the_length_of_their_axis_and_casts_of_booleans_below_two() -> None:
    nodes = [
        helper.make_node("ArgMax", ["x"], ["i"], axis=-1),
        helper.make_node("Cast", ["mask"], ["c"], to=INT64),
        helper.make_node("Concat", ["i", "c"], ["y"], axis=0),
        helper.make_node("ArgMax", ["open"], ["u"], axis=0),
        helper.make_node("Cast", ["x"], ["f"], to=INT64),
    ]
    kinds = {**dict.fromkeys("icyuf", INT64), "mask": TensorProto.BOOL, "x": TensorProto.FLOAT}
    found = intervals(nodes, lambda name: None, {"x": (3, 48), "open": ("n",)}, kinds)
    assert found == {"i": (0, 47), "c": (0, 1), "y": (0, 47)}
