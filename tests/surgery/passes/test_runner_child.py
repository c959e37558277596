"""A pass that takes its process down costs itself, or the part of it that does, and no more."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import onnx
import pytest
from onnx import helper

from surgery.passes import PASSES, Check, run_passes
from surgery.support.child import StepError
from surgery.support.ledger import Entry, Ledger

from .graphs import graph

# A package whose passes call the extension, as a child of ours finds it.
PASSES_THAT_CRASH = """
import ctypes
from dataclasses import dataclass, replace
from surgery.passes import Check

@dataclass(frozen=True)
class Crash:
    name: str
    function: str
    summary: str = "takes its process down"
    opsets: range = range(1, 100)
    exact: bool = True
    renames: bool = False

    def check(self, model):
        return None

    def apply(self, model):
        getattr(ctypes.CDLL(LIBRARY), self.function)(1, 0)
        return model

@dataclass(frozen=True)
class Library(Crash):
    skipped: tuple = ()

    def parts(self):
        return [f"part {n}" for n in range(4)]

    def without(self, parts):
        return replace(self, skipped=tuple(parts))

    def apply(self, model):
        for part in self.parts():
            if part in self.skipped:
                continue
            if part == "part 2":
                getattr(ctypes.CDLL(LIBRARY), self.function)(1, 0)
            if part == "part 3":  # what the rest is good for
                model.graph.node[0].op_type = "Relu"
                model.graph.node[0].ClearField("attribute")
        return model

class Deadly(Check):
    def unusable(self, model):
        ctypes.CDLL(LIBRARY).follow()

FPE, SEGV = Crash("fpe", "divide"), Crash("segv", "follow")
LARGE = Library("large", "follow")
"""
ENTRY_POINTS = """
[surgery.passes]
fpe = passes_that_crash:FPE
segv = passes_that_crash:SEGV
large = passes_that_crash:LARGE
"""


@pytest.fixture
def installed(
    tmp_path: Path, library: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[onnx.ModelProto]:
    """A small graph, with the passes that crash installed as another package's."""
    (tmp_path / "passes_that_crash.py").write_text(f"LIBRARY = {library!r}\n{PASSES_THAT_CRASH}")
    info = tmp_path / "crashing-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: crashing\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(str(tmp_path))
    with PASSES.override({}):
        yield graph(
            [
                helper.make_node("LeakyRelu", ["x"], ["a"], name="leak", alpha=0.0),
                helper.make_node("Identity", ["a"], ["y"], name="same"),
            ],
            {"x": [1, 4]},
        )
    sys.modules.pop("passes_that_crash", None)


def entry(ledger: Ledger, name: str) -> Entry:
    (found,) = [entry for entry in ledger if entry.name == name]
    return found


def test_passes_that_crash_are_named_with_signal_and_line_and_the_others_go_on(
    installed: onnx.ModelProto,
) -> None:
    ledger = Ledger()
    order = ("segv", "fpe", "slim")
    after = run_passes(
        installed, ledger=ledger, check=Check.random(installed), order=order, safe=True
    )
    assert [line.name for line in ledger] == list(order)
    assert "crashed: the process was ended by SIGSEGV" in entry(ledger, "segv").reason
    assert "in apply (passes_that_crash.py, line" in entry(ledger, "segv").reason
    assert "SIGFPE" in entry(ledger, "fpe").reason
    assert entry(ledger, "slim").fired
    assert [node.op_type for node in after.graph.node] == ["LeakyRelu"]


def test_part_that_crashes_is_found_and_left_out_and_the_rest_of_its_pass_is_kept(
    installed: onnx.ModelProto,
) -> None:
    ledger = Ledger()
    check = Check.random(installed)
    after = run_passes(installed, ledger=ledger, check=check, order=("large",), safe=True)
    assert "left out: crashed: " in entry(ledger, "large/part 2").reason
    assert "SIGSEGV" in entry(ledger, "large/part 2").reason
    assert entry(ledger, "large").fired
    assert after.graph.node[0].op_type == "Relu"


def test_children_give_what_one_process_gives() -> None:
    model = graph(
        [
            helper.make_node("Transpose", ["x"], ["a"], name="there", perm=[1, 0]),
            helper.make_node("Transpose", ["a"], ["b"], name="back", perm=[1, 0]),
            helper.make_node("Relu", ["b"], ["y"], name="relu"),
        ],
        {"x": [2, 3]},
    )
    ledgers = Ledger(), Ledger()
    graphs = [
        run_passes(model, ledger=ledger, check=Check.random(model), safe=safe)
        for ledger, safe in zip(ledgers, (True, False), strict=True)
    ]
    assert graphs[0].SerializeToString() == graphs[1].SerializeToString()
    assert ledgers[0].to_json() == ledgers[1].to_json()


def test_graph_that_takes_the_run_time_down_is_told_from_a_pass_that_does(
    installed: onnx.ModelProto,
) -> None:
    from passes_that_crash import Deadly  # type: ignore[import-not-found]

    with pytest.raises(StepError, match=r"^passes over graph 'case': .*SIGSEGV.* in unusable"):
        run_passes(installed, ledger=Ledger(), check=Deadly({}), order=("slim",), safe=True)
