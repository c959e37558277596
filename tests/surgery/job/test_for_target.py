"""A target gets the exact passes that it needs, chosen by its table, and no others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import surgery.targets.audit
from surgery.graph.run import random_feeds, run
from surgery.job.for_target import for_target
from surgery.measure.arrays import compare, within
from surgery.passes import Check
from surgery.support.ledger import Ledger
from surgery.targets import Target
from surgery.targets.audit import audit
from surgery.targets.registry import load_target

from ..nets import operators


@pytest.fixture
def upsampling() -> onnx.ModelProto:
    """A grouped ConvTranspose between two activations, with a kernel that nothing divides."""
    weight = np.random.default_rng(0).standard_normal((4, 1, 4, 4)).astype(np.float32)
    port = helper.make_tensor_value_info
    graph = helper.make_graph(
        [
            helper.make_node("Relu", ["x"], ["a"], name="before"),
            helper.make_node(
                "ConvTranspose", ["a", "w"], ["b"], name="up", group=4, strides=[2, 2], pads=[1] * 4
            ),
            helper.make_node("Relu", ["b"], ["y"], name="after"),
        ],
        "upsampling",
        [port("x", TensorProto.FLOAT, [1, 4, 5, 6])],
        [port("y", TensorProto.FLOAT, [1, 4, 10, 12])],
        [numpy_helper.from_array(weight, "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def target(**operators: Any) -> Target:
    """A target that has ReLU and Conv and these."""
    return Target.from_config(
        {
            "name": "device",
            "summary": "made for a test",
            "source": "this test",
            "opset": {"min": 7, "max": 28},
            "operators": {"Relu": None, "Conv": None, **operators},
            "types": ["float32"],
            "dynamic_shapes": False,
        }
    )


def adapted(
    model: onnx.ModelProto, device: Target, **options: Any
) -> tuple[onnx.ModelProto, Ledger]:
    ledger = Ledger()
    after = for_target(model, device, check=Check.random(model), ledger=ledger, **options)
    feeds = random_feeds(model, seed=3)
    for found in compare(run(model, feeds), run(after, feeds)).values():
        assert within(found)
    return after, ledger


def test_grouped_upsampling_that_splits_a_graph_on_a_real_target_becomes_one_partition(
    upsampling: onnx.ModelProto,
) -> None:
    device = load_target("nnapi")
    before = audit(upsampling, device)
    assert (len(before.refused), len(before.partitions)) == (1, 2)
    after, ledger = adapted(upsampling, device)
    found = audit(after, device)
    assert found.ok
    assert len(found.partitions) == 1
    (line,) = ledger.fired()
    assert line.name == "deconv_shuffle"
    assert line.reason.startswith("for target nnapi, which refuses 1 ConvTranspose (")
    assert line.reason.endswith("refused nodes 1 -> 0, partitions 2 -> 1")


def test_pass_whose_own_nodes_the_target_refuses_is_taken_back_and_the_next_is_tried(
    upsampling: onnx.ModelProto,
) -> None:
    device = target(
        Concat=None, Slice=None, Reshape=None, DepthToSpace={"attributes": {"mode": ["CRD"]}}
    )
    after, ledger = adapted(upsampling, device)
    reasons = {line.name: line.reason for line in ledger.declined()}
    assert reasons["deconv_shuffle"].endswith("taken back, as it refuses no less then")
    assert [line.name for line in ledger.fired()] == ["deconv_interleave"]
    assert "DepthToSpace" not in operators(after)
    assert audit(after, device).ok


def test_graph_that_runs_whole_is_left_as_it_is(upsampling: onnx.ModelProto) -> None:
    after, ledger = adapted(upsampling, target(ConvTranspose=None))
    assert after is upsampling
    assert not ledger.entries


def test_passes_to_skip_are_not_tried(upsampling: onnx.ModelProto) -> None:
    skip = audit(upsampling, load_target("nnapi")).refused[0].passes
    after, ledger = adapted(upsampling, load_target("nnapi"), skip=skip)
    assert after is upsampling
    assert not ledger.entries


def test_approximate_operations_are_never_chosen(
    upsampling: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = surgery.targets.audit.remedies_for

    def approximate(*args: Any) -> list[Any]:
        return [replace(remedy, exact=False) for remedy in found(*args)]

    monkeypatch.setattr(surgery.targets.audit, "remedies_for", approximate)
    device = load_target("nnapi")
    assert audit(upsampling, device).refused[0].remedy  # it is suggested
    after, ledger = adapted(upsampling, device)
    assert after is upsampling
    assert not ledger.entries
