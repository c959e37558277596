"""Transposes over more than four axes as ones over four: equality to the bit."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from .graphs import difference, graph, node, passed, refusals
from .transposed import chain, ranks


@pytest.mark.parametrize(
    "model",
    [
        chain((1, 8, 3, 5), (1, 2, 4, 3, 5), (0, 2, 1, 3, 4), (1, 8, 3, 5)),  # channel shuffle
        chain((1, 8, 3, 5), (1, 2, 4, 1, 3, 5), (3, 0, 4, 5, 2, 1), (15, 8)),
        chain((2, 8, 3, 5), (-1, 2, 4, 3, 5), (0, 2, 1, 3, 4), (0, 8, 3, 5)),
    ],
)
def test_neighbours_are_one_axis(model: onnx.ModelProto) -> None:
    assert any(reason.startswith("Transpose: ") for reason in refusals(model, "nnapi"))
    for name in ("fold", "slim"):
        assert ranks(passed(model, name)[0]) > 4
    after, declined = passed(model, "transpose_rank")
    assert not declined
    assert ranks(after) <= 4
    assert refusals(after, "nnapi") == []
    assert difference(model, after) == 0


def test_an_open_batch_is_left_to_the_reshape() -> None:
    model = chain(("n", 8, 3, 5), (-1, 2, 4, 3, 5), (0, 2, 1, 3, 4), (-1, 8, 3, 5))
    after, declined = passed(model, "transpose_rank", {"n": 3})
    assert not declined
    assert difference(model, after, {"n": 3}) == 0


def test_more_than_four_groups_that_change_places_are_declined() -> None:
    model = chain((1, 12, 4, 5), (1, 3, 2, 2, 4, 5), (0, 1, 4, 2, 5, 3), (1, 3, 8, 10))
    assert "groups of axes change places" in passed(model, "transpose_rank")[1]


def test_a_middle_that_something_else_reads_is_left_alone() -> None:
    model = graph(
        [
            node("Reshape", "x a", "b"),
            node("Transpose", "b", "c", perm=[0, 2, 1, 3, 4]),
            node("Reshape", "c d"),
        ],
        {"x": [1, 8, 3, 5]},
        ("y", "b"),
        {"a": np.array([1, 2, 4, 3, 5]), "d": np.array([1, 8, 3, 5])},
    )
    assert passed(model, "transpose_rank")[1] == "no Reshape in the graph needs it"
