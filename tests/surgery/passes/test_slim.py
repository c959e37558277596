"""OnnxSlim's known wrong case costs one pattern, not the graph and not the rest of the pass.

OnnxSlim issue 277: before 0.1.84 the pattern EliminationSlice joined Slice nodes without looking
whether all readers of the first one could be joined; with the graph below, 0.1.83 leaves a node
that reads a tensor which nothing makes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

from surgery.graph.run import random_feeds
from surgery.passes import Check, run_passes
from surgery.support.ledger import Ledger

from ..nets import operators
from .graphs import graph


@pytest.fixture
def slices() -> onnx.ModelProto:
    """A Slice read by one over the same axis and by one over another, behind two Transposes."""

    def cut(source: str, made: str, start: str, end: str, axis: str) -> onnx.NodeProto:
        return helper.make_node("Slice", [source, start, end, axis, "step"], [made], name=made)

    bounds = {"one": 1, "two": 2, "five": 5, "seven": 7, "rows": 1, "columns": 2, "step": 1}
    return graph(
        [
            helper.make_node("Transpose", ["x"], ["t"], name="there", perm=[0, 2, 1]),
            helper.make_node("Transpose", ["t"], ["u"], name="back", perm=[0, 2, 1]),
            cut("u", "first", "one", "seven", "rows"),
            cut("first", "other", "two", "five", "columns"),
            cut("first", "same", "one", "five", "rows"),
            helper.make_node("Relu", ["same"], ["y"], name="relu.y"),
            helper.make_node("Relu", ["other"], ["z"], name="relu.z"),
        ],
        {"x": [1, 8, 8]},
        ("y", "z"),
        {name: np.array([value]) for name, value in bounds.items()},
    )


@pytest.fixture
def wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """EliminationSlice as it may not be: the second Slice is read as if it began at the first."""
    from onnxslim.core.pattern.elimination.slice import SlicePatternMatcher

    def rewrite(self: Any, opset: int = 11) -> dict[str, Any]:
        first, second = self.slice_0, self.slice_1
        inputs, outputs = [first.inputs[0], *second.inputs[1:]], list(second.outputs)
        second.inputs.clear()
        second.outputs.clear()
        return {
            outputs[0].name: {
                "op": "Slice",
                "inputs": inputs,
                "outputs": outputs,
                "name": outputs[0].name,
                "attrs": second.attrs,
                "domain": None,
            }
        }

    monkeypatch.setattr(SlicePatternMatcher, "rewrite", rewrite)


def same(before: onnx.ModelProto, after: onnx.ModelProto) -> bool:
    return Check(random_feeds(before, seed=5))(before, after) is None


def test_graph_of_the_issue_is_right_whatever_version_is_installed(slices: onnx.ModelProto) -> None:
    after = run_passes(slices, ledger=Ledger(), check=Check.random(slices), order=("slim",))
    assert same(slices, after)
    assert "Transpose" not in operators(after)


@pytest.mark.usefixtures("wrong")
def test_wrong_pattern_changes_the_outputs_where_nothing_checks(slices: onnx.ModelProto) -> None:
    import onnxslim

    assert not same(slices, onnxslim.slim(slices))


@pytest.mark.usefixtures("wrong")
def test_wrong_pattern_is_found_and_left_out_and_the_rest_of_the_pass_is_kept(
    slices: onnx.ModelProto,
) -> None:
    ledger = Ledger()
    after = run_passes(slices, ledger=ledger, check=Check.random(slices), order=("slim",))
    part, whole = ledger.entries
    assert (part.name, part.fired) == ("slim/EliminationSlice", False)
    assert part.reason.startswith("left out: ")
    assert (whole.name, whole.fired) == ("slim", True)
    assert "Transpose" not in operators(after)
    assert same(slices, after)
