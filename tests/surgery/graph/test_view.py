"""The view of a graph: what is constant, who makes a tensor, and who alone reads it."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from surgery.graph.view import View

from ..passes.graphs import graph, node


def test_weights_that_are_listed_as_inputs_are_no_constants() -> None:
    model = graph([node("Add", "x w")], {"x": [2]}, weights={"w": np.ones(2, np.float32)})
    assert View(model).constant("w") is not None
    listed = model.graph.input.add()
    listed.CopyFrom(model.graph.input[0])
    listed.name = "w"
    assert View(model).constant("w") is None


def test_constant_nodes_are_constants() -> None:
    model = graph(
        [node("Constant", "", "c", value_ints=[1, -2])], {"x": [2]}, ("c",), kinds={"c": 7}
    )
    found = View(model).constant("c")
    assert found is not None
    assert found.tolist() == [1, -2]


def _branch(value: float) -> helper.GraphProto:
    """A branch that multiplies the outer ``x`` with its own constant ``c``."""
    return helper.make_graph(
        [
            helper.make_node("Constant", [], ["c"], value=numpy_helper.from_array(np.array(value))),
            helper.make_node("Mul", ["x", "c"], ["r"]),
        ],
        "branch",
        [],
        [helper.make_tensor_value_info("r", TensorProto.DOUBLE, None)],
    )


def test_a_name_that_two_branches_make_has_no_maker_and_no_value() -> None:
    choice = helper.make_node(
        "If", ["q"], ["y"], then_branch=_branch(1.0), else_branch=_branch(2.0)
    )
    view = View(graph([choice], {"x": [2], "q": []}, kinds={"q": TensorProto.BOOL}))
    assert view.makers["y"].op_type == "If"
    assert "c" not in view.makers
    assert view.constant("c") is None
    assert view.readers["x"] == [0]


def test_the_only_reader_reads_once_and_the_caller_does_not() -> None:
    view = View(
        graph([node("Relu", "x", "a"), node("Mul", "a a", "b"), node("Relu", "b", "y")], {"x": [2]})
    )
    assert view.only_reader("b")
    assert not view.only_reader("a")
    assert not view.only_reader("y")
