"""A removed node's input stands in for its output."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from postprocess.errors import InputError
from surgery.graph import remove

from .graphs import branching, graph, inputs, names, network, outputs


def test_a_node_deleted_by_hand_leaves_a_gap() -> None:
    model = network()
    del model.graph.node[1]
    with pytest.raises(onnx.checker.ValidationError, match="not output of any previous nodes"):
        onnx.checker.check_model(model)


def test_readers_read_the_input_of_the_node() -> None:
    model = network()
    removed = remove(model, "act")
    feeds = inputs(model)
    conv = outputs(removed, feeds)["size"] / feeds["scale"]
    expected = outputs(model, feeds)["size"] / feeds["scale"]
    np.testing.assert_allclose(np.maximum(conv, 0), expected, atol=1e-6)


def test_an_output_keeps_its_name() -> None:
    removed = remove(network(), "heat")
    assert names(removed)[1] == ["heat", "size"]
    feeds = inputs(removed)
    found = outputs(removed, feeds)
    np.testing.assert_array_equal(found["size"], found["heat"] * feeds["scale"])


def test_an_output_that_becomes_an_input_is_handed_on() -> None:
    removed = remove(graph("net (float[2] x) => (float[2] y) { y = Neg(x) }"), "y")
    np.testing.assert_array_equal(outputs(removed, inputs(removed))["y"], inputs(removed)["x"])


def test_a_subgraph_reads_the_input_too() -> None:
    removed = remove(branching(), "a")
    np.testing.assert_array_equal(outputs(removed, {"x": np.float32([1, 2])})["y"], [1, 2])


def test_weights_that_only_this_node_read_go() -> None:
    model = graph("net (float[2] x) => (float[2] y) { a = Mul(x, w) y = Neg(a) }", w=np.float32(2))
    assert not remove(model, "a").graph.initializer


@pytest.mark.parametrize(
    ("node", "by", "told"),
    [
        ("atc", None, "no node 'atc'; did you mean 'act'?"),
        ("times", None, "(Mul) has 2 inputs that are no weights ('b', 'scale'): say with by:"),
        ("times", "c", "no input of node 'times' 'c'"),
    ],
)
def test_a_node_that_cannot_go_is_told_why(node: str, by: str | None, told: str) -> None:
    with pytest.raises(InputError) as raised:
        remove(network(), node, by)
    assert told in str(raised.value)


def test_the_caller_says_which_input_stands_in() -> None:
    removed = remove(network(), "times", "b")
    found = outputs(removed, inputs(removed))
    np.testing.assert_allclose(1 / (1 + np.exp(-found["size"])), found["heat"], atol=1e-6)


def test_several_outputs_are_too_many() -> None:
    model = graph(
        "net (float[4] x) => (float[2] y, float[2] z) { [cut] y, z = Split <axis = 0> (x, s) }",
        s=np.int64([2, 2]),
    )
    with pytest.raises(InputError, match="makes y, z: one input cannot stand in"):
        remove(model, "cut")
