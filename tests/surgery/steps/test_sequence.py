"""Steps run in order, each is checked, and a mistake is one line that begins with the step."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest

from postprocess.errors import InputError
from postprocess.fields import Field
from surgery.graph import extract, merge, rename
from surgery.steps.registry import STEPS
from surgery.steps.sequence import Asked, apply, parse
from surgery.steps.step import Change, same_outputs
from surgery.support.ledger import Ledger

from ..graph.graphs import branching, graph, inputs, names, network, outputs


def steps(*given: Any) -> list[Asked]:
    return parse(Field(list(given), "configuration", "graph.steps"))


def run(model: onnx.ModelProto, *given: Any, **sizes: int) -> tuple[onnx.ModelProto, Ledger]:
    ledger = Ledger()
    (after,) = apply(model, steps(*given), ledger, sizes)
    return after, ledger


def test_every_step_loads_under_its_own_name() -> None:
    assert not STEPS.problems()
    assert all(STEPS.get(name).name == name for name in STEPS.names())


def test_steps_run_in_order_and_the_ledger_says_what_each_did() -> None:
    after, ledger = run(
        network(),
        {"extract": {"outputs": ["heat"]}},
        {"rename": {"heat": "heatmap"}},
        {"insert": {"after": "heatmap", "op": "Mul", "with": 2}},
        {"remove": "end"},
        {"pass": "dead"},
    )
    assert names(after) == (["image"], ["heatmap"])
    assert [node.op_type for node in after.graph.node] == ["Conv", "Relu", "Mul"]
    assert [entry.name for entry in ledger] == ["extract", "rename", "insert", "remove", "pass"]
    assert [entry.exact for entry in ledger] == [True, True, False, False, True]
    exact = [entry for entry in ledger if entry.exact]
    assert all(entry.effect is not None and entry.effect["max"] <= 1e-6 for entry in exact)


def test_parts_of_a_split_are_held_against_the_whole() -> None:
    ledger = Ledger()
    parts = apply(network(), steps({"split": {"at": ["b"]}}), ledger)
    assert len(parts) == 2
    assert ledger.entries[0].effect == {"max": 0.0}


def test_axes_are_opened_and_fixed_and_the_opset_changes() -> None:
    model = graph("net (float[1,6] x) => (float[1,6] y) { y = Softmax(x) }", opset=17)
    opened, ledger = run(model, {"open": {"x": {"0": "batch"}}}, {"opset": 13})
    assert opened.graph.output[0].type.tensor_type.shape.dim[0].dim_param == "batch"
    assert opened.opset_import[0].version == 13
    assert all(entry.effect is not None for entry in ledger)
    fixed, ledger = run(opened, {"fix": {"batch": 3}})
    assert fixed.graph.output[0].type.tensor_type.shape.dim[0].dim_value == 3
    assert ledger.entries[0].effect == {"max": 0.0}


def test_a_decoder_is_put_behind_and_held_against_the_one_outside() -> None:
    model = graph(
        "net (float[N,4,H,W] image) => (float[N,2,H,W] hm, float[N,2,H,W] wh) "
        "{ hm, wh = Split <axis = 1> (image, s) }",
        s=np.int64([2, 2]),
    )
    after, ledger = run(model, {"decode": {"name": "ctdet", "k": 10}}, N=2, H=8, W=8)
    assert names(after)[1] == ["scores", "classes", "boxes", "count"]
    assert ledger.entries[0].effect == {"max": 0.0}


def test_another_file_is_merged_behind(tmp_path: Any) -> None:
    onnx.save(graph("tail (float[N,4,8,8] x) => (float[N,4,8,8] y) { y = Neg(x) }"), tmp_path / "t")
    after, ledger = run(
        network(), {"merge": {"path": str(tmp_path / "t"), "connect": {"heat": "x"}}}
    )
    assert names(after)[1] == ["size", "y"]
    assert ledger.entries[0].effect == {"max": 0.0}


def test_a_step_that_changes_what_the_graph_gives_is_refused() -> None:
    """An operation of ours that is wrong must not get through."""

    class Wrong:
        name, summary, exact = "wrong", "", True

        def apply(self, model: onnx.ModelProto, argument: Field) -> Change:
            other = onnx.ModelProto()
            other.CopyFrom(model)
            other.graph.node[1].op_type = "Abs"
            return Change((other,), "", "", same_outputs(model))

    told = r"graph\.steps\[0\]\.wrong: output 'heat' differs by"
    with STEPS.override({"wrong": Wrong()}), pytest.raises(InputError, match=told):
        run(network(), {"wrong": None})


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"extrct": {}}, "graph.steps[0]: unknown graph step 'extrct'; did you mean 'extract'?"),
        ("dead", "'graph.steps[0]' expects a step as {NAME: what it needs}, got 'dead'"),
        ({"a": 1, "b": 2}, "'graph.steps[0]' expects a step as {NAME: what it needs}"),
        ({"extract": {"output": ["a"]}}, "'graph.steps[0].extract.output' is unknown"),
        ({"extract": {}}, "'graph.steps[0].extract' expects inputs, outputs or both"),
        ({"rename": {"het": "x"}}, "graph.steps[0].rename: rename names 'het'"),
        ({"rename": {"heat": 3}}, "'graph.steps[0].rename.heat' expects a string, got 3"),
        ({"split": {"at": "a"}}, "'graph.steps[0].split.at' expects a list"),
        ({"insert": {"op": "Neg"}}, "'graph.steps[0].insert.after' is missing"),
        ({"insert": {"after": "b", "op": "Cast", "to": "bool"}}, "graph.steps[0].insert: "),
        ({"merge": {"path": "no.onnx", "connect": {}}}, "cannot read no.onnx"),
        ({"fix": {"b": 1}}, "graph.steps[0].fix: no axis 'b'"),
        ({"open": {"image": {"h": "b"}}}, "'graph.steps[0].open.image' expects symbols by number"),
        ({"opset": 99}, "graph.steps[0].opset: opset expects 1 to"),
        ({"decode": {"name": "ctdt"}}, "graph.steps[0].decode: unknown decoder 'ctdt'"),
        ({"pass": "slimm"}, "graph.steps[0].pass: unknown pass 'slimm'"),
        ({"pass": "initializers"}, "pass 'initializers' is not done: no weight is listed"),
    ],
)
def test_a_mistake_is_one_line_that_begins_with_the_step(given: Any, told: str) -> None:
    with pytest.raises(InputError) as raised:
        run(network(), given)
    assert told in str(raised.value)
    assert str(raised.value).startswith("configuration: ")
    assert "\n" not in str(raised.value)


def test_nothing_follows_a_split() -> None:
    with pytest.raises(InputError, match=r"graph\.steps\[0\]\.split: no step can follow a split"):
        steps({"split": {"at": ["b"]}}, {"pass": "dead"})


def test_a_graph_that_does_not_run_is_operated_on_and_the_ledger_says_so() -> None:
    model = graph("net (float[2] x) => (float[2] z) { y = own.Op(x) z = Neg(y) }")
    model.opset_import.add(domain="own", version=1)
    after, ledger = run(model, {"rename": {"z": "out"}})
    assert names(after)[1] == ["out"]
    assert ledger.entries[0].reason.startswith("not compared: ONNX Runtime cannot run graph 'net'")
    assert ledger.entries[0].effect is None


def test_the_rules_of_onnx_hold_where_nothing_can_be_run() -> None:
    model = graph("net (float[2] x) => (float[2] z) { y = own.Op(x) z = Neg(y) }")
    model.opset_import.add(domain="own", version=1)
    with pytest.raises(InputError, match="what it makes is not valid: Required attribute 'to'"):
        run(model, {"insert": {"after": "x", "op": "Cast"}})


def test_a_pass_that_makes_a_graph_run_is_not_compared_and_what_follows_is() -> None:
    text = "net (float[2] x) => (float[2] y) { a = Add(x, w) y = Neg(a) }"
    model = graph(text, w=np.int64([1, 2]))
    after, ledger = run(model, {"pass": "element_types"}, {"rename": {"y": "z"}})
    assert names(after)[1] == ["z"]
    first, second = ledger.entries
    assert "not compared: ONNX Runtime cannot run" in first.reason
    assert first.effect is None
    assert second.effect == {"max": 0.0}


def test_sizes_are_given_to_open_axes() -> None:
    model = graph("net (float[N] x) => (float[7] y) { y = Reshape(x, s) }", s=np.int64([7]))
    assert run(model, {"rename": {"y": "z"}})[1].entries[0].effect is None
    assert run(model, {"rename": {"y": "z"}}, N=7)[1].entries[0].effect == {"max": 0.0}


def test_operations_leave_what_they_are_given_as_it_is() -> None:
    model, other = network(), branching()
    before = model.SerializeToString(deterministic=True)
    extract(model, ["b"])
    rename(model, {"b": "c"})
    merge(other, graph("t (float[2] q) => (float[2] r) { r = Neg(q) }"), {"y": "q"})
    assert model.SerializeToString(deterministic=True) == before
    assert outputs(other, inputs(other))
