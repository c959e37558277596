"""``task=explain`` says why an operation was done, for a bundle and for a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from postprocess.errors import InputError
from surgery.config.run import Config
from surgery.job.for_target import for_target
from surgery.passes import Check
from surgery.support.ledger import LEDGER_KEY, Entry, Ledger
from surgery.targets.registry import load_target
from surgery.tasks.explain import explained, run

from ..passes.graphs import graph, node

Compose = Callable[..., Config]


def normalized() -> onnx.ModelProto:
    """Relu and BatchNormalization, which Core ML does not have."""
    ones = {name: np.ones(4, np.float32) for name in ("s", "b", "m", "v")}
    return graph(
        [node("Relu", "x", "r"), node("BatchNormalization", "r s b m v")],
        {"x": [1, 4, 5, 5]},
        weights=ones,
    )


def test_an_operation_that_a_target_asked_for_is_explained_by_what_it_refused(
    tmp_path: Path, compose: Compose, capsys: pytest.CaptureFixture[str]
) -> None:
    before, ledger = normalized(), Ledger()
    after = for_target(before, load_target("coreml"), check=Check.random(before), ledger=ledger)
    helper.set_model_props(after, {LEDGER_KEY: json.dumps(ledger.to_json())})
    path = tmp_path / "graph.onnx"
    onnx.save(after, str(path))
    run(compose("task=explain", f"model.path={path}"))
    done = capsys.readouterr().out
    assert done.startswith("done:\n  pass batchnorm, exact")
    assert (
        "for target coreml, which refuses 1 BatchNormalization (not among its operators): refused "
        "nodes 1 -> 0"
    ) in done


def test_equal_reasons_stand_in_one_line_and_what_was_not_done_comes_last() -> None:
    lines = [
        Entry("pass", "slim", "g", False, True, "nothing to change"),
        *(
            Entry("rewrite", "dcn.plain", f"up.{i}", True, False, "offsets dropped")
            for i in range(5)
        ),
        Entry("rewrite", "dcn.plain", "head", False, False, "its padding is 'same'"),
        Entry("symbolic", "roll", "g", True, True),
    ]
    assert list(explained(lines)) == [
        "done:",
        "  rewrite dcn.plain, approximate (up.0, up.1, up.2 and 2 more): offsets dropped",
        "  symbolic roll, exact (g): asked for, or part of every export",
        "not done:",
        "  pass slim (g): nothing to change",
        "  rewrite dcn.plain (head): its padding is 'same'",
    ]


def test_what_has_no_ledger_is_refused_with_the_way_out(tmp_path: Path, compose: Compose) -> None:
    path = tmp_path / "foreign.onnx"
    onnx.save(normalized(), str(path))
    with pytest.raises(InputError, match=r"no ledger in its metadata.*ask task=audit"):
        run(compose("task=explain", f"model.path={path}"))
    with pytest.raises(InputError, match=r"task=explain needs bundle=DIR, or model\.path=FILE"):
        run(compose("task=explain"))
    with pytest.raises(InputError, match="no such folder"):
        run(compose("task=explain", f"bundle={tmp_path / 'none'}"))
