"""Nodes that do nothing, which libraries remove: each is refused before and gone afterwards.

There is no pass of ours for these: this guards that ``slim`` goes on doing it.
"""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto

from surgery.graph.run import run

from .graphs import difference, graph, node, operators, passed, refusals

CASES = {
    "Identity": [node("Identity", "x", "i"), node("Relu", "i")],
    "Dropout": [node("Dropout", "x", "i"), node("Relu", "i")],
    "Cast": [node("Cast", "x", "i", to=TensorProto.FLOAT), node("Relu", "i")],
    "Transpose": [
        node("Transpose", "x", "t", perm=[0, 2, 1, 3]),
        node("Transpose", "t", "i", perm=[0, 2, 1, 3]),
        node("Relu", "i"),
    ],
}


@pytest.mark.parametrize("operator", CASES)
def test_what_does_nothing_is_taken_out(operator: str) -> None:
    before = graph(CASES[operator], {"x": [1, 2, 3, 4]})
    if operator != "Identity":  # which every target takes
        assert f"{operator}: not among its operators" in refusals(before, "portable")
    after, declined = passed(before, "slim")
    assert not declined
    assert operators(after) == ["Relu"]
    assert difference(before, after) == 0


def test_a_chain_of_reshapes_is_the_last_of_them() -> None:
    nodes = [node("Reshape", "x a", "r"), node("Reshape", "r b", "s"), node("Relu", "s")]
    before = graph(nodes, {"x": [1, 2, 3, 4]}, weights={"a": [6, 4], "b": [1, 24]})
    after, _ = passed(before, "slim")
    assert operators(after) == ["Reshape", "Relu"]
    assert difference(before, after) == 0


def test_a_cast_that_loses_digits_and_transposes_that_are_no_pair_keep_their_effect() -> None:
    whole, decimal = TensorProto.INT32, TensorProto.FLOAT
    rounded = graph(
        [
            node("Cast", "x", "i", to=whole),
            node("Cast", "i", "j", to=decimal),
            node("Mul", "j j"),
        ],
        {"x": [2, 3]},
    )
    after, _ = passed(rounded, "slim")
    assert operators(after).count("Cast") == 2
    x = np.array([[1.7, -2.4, 0.9], [3.0, -0.2, 5.5]], np.float32)
    assert run(after, {"x": x})["y"].tolist() == [[1, 4, 0], [9, 0, 25]]
    turned = [
        node("Transpose", "x", "t", perm=[0, 2, 3, 1]),
        node("Transpose", "t", perm=[0, 2, 3, 1]),
    ]
    before = graph(turned, {"x": [1, 2, 3, 4]})
    after, _ = passed(before, "slim")
    assert operators(after) == ["Transpose"]
    assert difference(before, after) == 0
