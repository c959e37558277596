"""Where between booleans: refused by ONNX Runtime, and logic gives what it stands for."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from onnx import TensorProto

from postprocess.errors import InputError
from surgery.graph.run import run
from surgery.passes import Check, run_passes
from surgery.support.ledger import Ledger

from .graphs import Shape, graph, node, operators

BOOL = TensorProto.BOOL


def chosen(*shapes: Shape) -> tuple[list[str], dict[str, Shape]]:
    names = ["c", "a", "b"]
    return names, dict(zip(names, shapes, strict=True))


@pytest.mark.parametrize("broadcast", [False, True])
def test_every_row_of_the_truth_table_is_right_where_nothing_ran_before(broadcast: bool) -> None:
    table = np.array([*itertools.product([False, True], repeat=3)]).T  # c, a, b
    names, shapes = chosen([2, 1] if broadcast else [8], [8], [8])
    before = graph([node("Where", "c a b")], shapes, kinds=dict.fromkeys((*names, "y"), BOOL))
    condition = np.array([[False], [True]]) if broadcast else table[0]
    feeds = dict(zip(names, (condition, table[1], table[2]), strict=True))
    with pytest.raises(InputError, match="Could not find an implementation for Where"):
        run(before, feeds)
    ledger = Ledger()
    after = run_passes(before, ledger=ledger, check=Check(feeds), order=("boolean_where",))
    assert ledger.entries[0].fired
    assert operators(after) == ["And", "Not", "And", "Or"]
    assert (run(after, feeds)["y"] == np.where(condition, table[1], table[2])).all()


def test_where_of_numbers_stays() -> None:
    _, shapes = chosen([4], [4], [4])
    model = graph([node("Where", "c a b")], shapes, kinds={"c": BOOL})
    ledger = Ledger()
    after = run_passes(model, ledger=ledger, check=Check.random(model), order=("boolean_where",))
    assert operators(after) == ["Where"]
    assert ledger.entries[0].reason == "no Where in the graph needs it"
