"""The parts of a split, run in turn, give what the whole gives."""

from __future__ import annotations

import numpy as np
import pytest

from postprocess.errors import InputError
from surgery.graph import split
from surgery.steps.sequence import run_in_turn

from .graphs import branching, graph, inputs, names, network, outputs


def test_two_parts_compose_to_the_whole() -> None:
    model = network()
    first, second = split(model, ["b"])
    assert names(first) == (["image"], ["b"])
    assert names(second) == (["b", "scale"], ["heat", "size"])
    feeds = inputs(model)
    expected, found = outputs(model, feeds), run_in_turn([first, second], feeds)
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name])


def test_several_cuts_give_several_parts() -> None:
    model = network()
    parts = split(model, [["a"], ["b"]])
    assert [len(part.graph.node) for part in parts] == [1, 1, 2]
    feeds = inputs(model)
    found = run_in_turn(parts, feeds)
    np.testing.assert_array_equal(found["size"], outputs(model, feeds)["size"])


def test_an_output_beside_the_cut_stays_with_the_first_part() -> None:
    model = graph(
        """net (float[2] x) => (float[2] y, float[2] z)
        { a = Neg(x) y = Exp(a) b = Abs(x) z = Exp(b) }"""
    )
    first, second = split(model, ["a"])
    assert names(first) == (["x"], ["a", "z"])
    assert names(second) == (["a"], ["y"])


def test_what_follows_from_shapes_alone_does_not_need_to_be_cut() -> None:
    model = graph(
        """net (float[N,4] x) => (float[M] y)
        { a = Neg(x) n = Shape(x) flat = ReduceProd (n) y = Reshape(a, flat) }"""
    )
    first, second = split(model, ["a"])
    feeds = inputs(model)
    found = run_in_turn([first, second], feeds)
    np.testing.assert_array_equal(found["y"], outputs(model, feeds)["y"])


def test_a_cut_that_does_not_separate_names_what_leads_around_it() -> None:
    model = graph("net (float[2] x) => (float[2] y) { a = Neg(x) b = Abs(x) y = Add(a, b) }")
    with pytest.raises(InputError, match="output 'y' also needs 'b': add it to the cut"):
        split(model, ["a"])


@pytest.mark.parametrize(
    ("at", "told"),
    [
        (["heat"], "no output of the graph depends on 'heat'"),
        (["b", ["a"]], "at expects names of tensors, or a list of names for each cut"),
        ([], "at expects names of tensors, or a list of names for each cut"),
        ([["b"], ["a"]], "at names 'a', which is no tensor"),
    ],
)
def test_a_cut_that_cannot_be_made_is_told_why(at: list[str | list[str]], told: str) -> None:
    with pytest.raises(InputError, match=told):
        split(network(), at)


def test_a_constant_is_no_cut() -> None:
    model = branching()
    model.graph.node.add(op_type="Neg", input=["zero"], output=["minus"])
    with pytest.raises(InputError, match="'minus', which depends on no input"):
        split(model, ["minus"])
