"""Passes simplify the graph, keep what it computes, and are taken back when they do not."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from postprocess.errors import InputError
from surgery.graph.modules import module_of
from surgery.graph.run import random_feeds, run
from surgery.graph.view import opset_of
from surgery.measure.arrays import compare, within
from surgery.passes import PASSES, Check, run_passes
from surgery.passes.base import EVERY_OPSET
from surgery.support.ledger import Entry, Ledger

from ..nets import DYNAMIC, backbone, export, operators

PLAIN = {"Conv", "ConvTranspose", "Relu", "Add", "Concat", "MaxPool"}
SIZES = {"batch": 2, "height": 16, "width": 24}


@dataclasses.dataclass(frozen=True)
class Trial:
    """A pass made for a test."""

    change: Callable[[onnx.ModelProto], onnx.ModelProto]
    name: str = "trial"
    summary: str = "made for a test"
    opsets: range = EVERY_OPSET
    exact: bool = True
    renames: bool = False

    def check(self, model: onnx.ModelProto) -> str | None:
        return None

    def apply(self, model: onnx.ModelProto) -> onnx.ModelProto:
        return self.change(model)


@pytest.fixture(scope="module", params=["dynamo", "torchscript"])
def exported(request: pytest.FixtureRequest) -> onnx.ModelProto:
    return export(backbone(), exporter=request.param, dynamic=DYNAMIC)


@pytest.fixture
def trial() -> Iterator[Callable[[Trial], None]]:
    """Make a pass known for the length of a test."""

    with ExitStack() as known:
        yield lambda step: known.enter_context(PASSES.override({step.name: step}))


def entry(ledger: Ledger, name: str) -> Entry:
    (found,) = [entry for entry in ledger if entry.name == name]
    return found


def test_plain_network_is_left_with_plain_operators(exported: onnx.ModelProto) -> None:
    ledger = Ledger()
    after = run_passes(exported, ledger=ledger, check=Check.random(exported, SIZES))
    assert operators(after) == PLAIN
    feeds = random_feeds(exported, SIZES, seed=7)
    for found in compare(run(exported, feeds), run(after, feeds)).values():
        assert within(found)
    fold = entry(ledger, "fold")
    assert fold.fired
    assert fold.effect == {
        "nodes_before": len(exported.graph.node),
        "nodes_after": len(after.graph.node),
    }


def test_module_paths_survive_the_passes(exported: onnx.ModelProto) -> None:
    after = run_passes(exported, ledger=Ledger(), check=None)
    made = {node.name: module_of(node) for node in after.graph.node}
    assert made["stem.0/Conv"] == "stem.0"
    assert made["up/ConvTranspose"] == "up"
    assert made["down.2/Relu"] == "down.2"


def test_header_and_interface_survive_the_passes(exported: onnx.ModelProto) -> None:
    after = run_passes(exported, ledger=Ledger(), check=None)
    assert after.metadata_props == exported.metadata_props
    assert after.producer_name == "model-surgery"
    assert after.ir_version == exported.ir_version
    assert after.graph.input == exported.graph.input
    assert [v.type for v in after.graph.output] == [v.type for v in exported.graph.output]


def test_passes_give_the_same_bytes_every_time(exported: onnx.ModelProto) -> None:
    first, again = (run_passes(exported, ledger=Ledger(), check=None) for _ in range(2))
    assert first.SerializeToString() == again.SerializeToString()


def test_model_given_is_left_as_it_is(exported: onnx.ModelProto) -> None:
    before = exported.SerializeToString()
    run_passes(exported, ledger=Ledger(), check=None)
    assert exported.SerializeToString() == before


def test_pass_that_breaks_the_numbers_is_taken_back(
    exported: onnx.ModelProto, trial: Callable[[Trial], None]
) -> None:
    def lie(model: onnx.ModelProto) -> onnx.ModelProto:
        weight = model.graph.initializer[0]
        weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight) * 1.01, weight.name))
        return model

    trial(Trial(lie))
    ledger = Ledger()
    check = Check.random(exported, SIZES)
    after = run_passes(exported, ledger=ledger, check=check, order=("trial", "fold"))
    assert not entry(ledger, "trial").fired
    assert "taken back: output 'head' differs by" in entry(ledger, "trial").reason
    assert entry(ledger, "fold").fired  # the others go on
    feeds = random_feeds(exported, SIZES, seed=3)
    assert within(compare(run(exported, feeds), run(after, feeds))["head"])


def _raise(model: onnx.ModelProto) -> onnx.ModelProto:
    raise RuntimeError("no\nluck")


def _invalid(model: onnx.ModelProto) -> onnx.ModelProto:
    model.graph.node[0].op_type = "NoSuchOperator"
    return model


def _rename_output(model: onnx.ModelProto) -> onnx.ModelProto:
    model.graph.node[-1].output[0] = model.graph.output[0].name = "renamed"
    return model


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_raise, "RuntimeError: no luck"),
        (_invalid, "NoSuchOperator"),
        (_rename_output, "are not those of the graph before"),
    ],
)
def test_pass_that_breaks_the_graph_is_taken_back(
    exported: onnx.ModelProto,
    trial: Callable[[Trial], None],
    change: Callable[[onnx.ModelProto], onnx.ModelProto],
    reason: str,
) -> None:
    trial(Trial(change))
    ledger = Ledger()
    after = run_passes(exported, ledger=ledger, check=None, order=("trial",))
    assert after.SerializeToString() == exported.SerializeToString()
    (line,) = ledger.entries
    assert not line.fired
    assert line.reason.startswith("taken back: ")
    assert reason in line.reason


def test_pass_outside_its_opsets_does_not_run(
    exported: onnx.ModelProto, trial: Callable[[Trial], None]
) -> None:
    trial(Trial(_raise, opsets=range(19, 21)))
    ledger = Ledger()
    run_passes(exported, ledger=ledger, check=None, order=("trial",))
    expected = f"works from opset 19 to 20, the graph is of {opset_of(exported)}"
    assert entry(ledger, "trial").reason == expected


def test_skipped_pass_is_in_the_ledger_and_unknown_names_are_refused(
    exported: onnx.ModelProto,
) -> None:
    ledger = Ledger()
    after = run_passes(exported, ledger=ledger, check=None, skip=["fold", "slim"])
    assert len(after.graph.node) == len(exported.graph.node)
    assert entry(ledger, "fold").reason == "skipped by surgery.passes.skip"
    with pytest.raises(InputError, match=r"unknown pass 'slimm'.* fold, .*names, .*slim"):
        run_passes(exported, ledger=ledger, check=None, skip=["slimm"])


def test_weights_listed_as_inputs_are_freed() -> None:
    values = numpy_helper.from_array(np.ones(3, np.float32), "w")
    port = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "w"], ["y"], name="add")],
        "g",
        [port("x", TensorProto.FLOAT, [3]), port("w", TensorProto.FLOAT, [3])],
        [port("y", TensorProto.FLOAT, [3])],
        [values],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=3)
    ledger = Ledger()
    after = run_passes(model, ledger=ledger, check=Check.random(model), order=("initializers",))
    assert entry(ledger, "initializers").fired
    assert [value.name for value in after.graph.input] == ["x"]
    assert after.ir_version == 4


def test_found_network_is_simplified_and_gives_what_it_gave(reference: Path) -> None:
    model = onnx.load(reference / "tinypose" / "tinypose_128x96.onnx")
    ledger = Ledger()
    after = run_passes(model, ledger=ledger, check=Check.random(model))
    assert [value.name for value in after.graph.input] == ["image"]
    assert len(after.graph.initializer) < len(model.graph.initializer)  # equal ones are shared
    assert not [line.reason for line in ledger if line.reason.startswith("taken back")]
    feeds = random_feeds(model, seed=5)
    before = run(model, feeds)
    assert within(compare(before, run(after, feeds))["conv2d_441.tmp_1"])


def test_dynamic_axis_without_a_size_is_refused(exported: onnx.ModelProto) -> None:
    with pytest.raises(InputError, match=r"'image' axis 2 \(height\)"):
        Check.random(exported, {"batch": 2})


def test_every_pass_says_what_it_does() -> None:
    for name in PASSES.names():
        assert PASSES.get(name).name == name
        assert PASSES.get(name).summary
