"""A node behind a tensor is read by everything that read the tensor."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest

from postprocess.errors import InputError
from surgery.graph import insert

from .graphs import branching, graph, inputs, names, network, outputs


def test_a_node_at_the_end_of_the_list_is_refused_by_onnx() -> None:
    model = network()
    model.graph.node[2].input[0] = "late"
    model.graph.node.add(op_type="Neg", input=["b"], output=["late"])
    with pytest.raises(onnx.checker.ValidationError, match="topologically sorted"):
        onnx.checker.check_model(model)


def test_every_reader_of_the_tensor_reads_the_node() -> None:
    model = network()
    feeds = inputs(model)
    expected, found = outputs(model, feeds), outputs(insert(model, "b", "Neg"), feeds)
    np.testing.assert_allclose(found["heat"], 1 - expected["heat"], atol=1e-6)
    np.testing.assert_array_equal(found["size"], -expected["size"])


def test_a_subgraph_that_captures_the_tensor_reads_the_node() -> None:
    model = branching()
    feeds = {"x": np.float32([1, 2])}
    expected = outputs(insert(model, "x", "Identity"), feeds)["y"]
    np.testing.assert_array_equal(expected, [1, 2])
    found = outputs(insert(model, "a", "Mul", operands=[3.0]), feeds)["y"]
    np.testing.assert_array_equal(found, 3 * expected)


def test_an_output_keeps_its_name_and_gets_the_new_type() -> None:
    model = insert(network(), "heat", "Cast", {"to": "float16"})
    assert names(model)[1] == ["heat", "size"]
    assert outputs(model, inputs(model))["heat"].dtype == np.float16


def test_an_input_keeps_its_name() -> None:
    model = insert(network(), "image", "Mul", operands=[2.0])
    assert names(model)[0] == ["image", "scale"]
    feeds = inputs(model)
    doubled = {**feeds, "image": 2 * feeds["image"]}
    found, expected = outputs(model, feeds), outputs(network(), doubled)
    np.testing.assert_array_equal(found["heat"], expected["heat"])


def test_a_number_becomes_a_weight_of_the_type_that_the_operator_asks_for() -> None:
    model = insert(network(), "heat", "Reshape", operands=[[0, -1]])
    assert outputs(model, inputs(model))["heat"].shape == (1, 256)
    model = insert(network(), "heat", "Clip", operands=[0, 0.25])
    assert outputs(model, inputs(model))["heat"].max() == np.float32(0.25)


def test_whole_numbers_serve_for_float_attributes() -> None:
    model = insert(network(), "a", "LeakyRelu", {"alpha": 1})
    feeds = inputs(model)
    np.testing.assert_array_equal(outputs(model, feeds)["heat"], outputs(network(), feeds)["heat"])


@pytest.mark.parametrize(
    ("after", "op", "attributes", "operands", "told"),
    [
        ("hea", "Neg", {}, [], "after names 'hea', which is no tensor; did you mean 'heat'?"),
        ("heat", "Sigmoyd", {}, [], "no operator 'Sigmoyd'; did you mean 'Sigmoid'?"),
        ("heat", "Gelu", {}, [], "Gelu is of opset 20 and later, the graph is of 17"),
        ("heat", "Cast", {"too": 1}, [], "no attribute of Cast 'too'; did you mean 'to'?"),
        ("heat", "Cast", {"to": "float17"}, [], "no element type 'float17'"),
        ("heat", "Softmax", {"axis": "x"}, [], "attribute 'axis' of Softmax expects INT"),
        (
            "heat",
            "Mul",
            {},
            ["szie"],
            "with names 'szie', which is no tensor; did you mean 'size'?",
        ),
        ("heat", "Neg", {}, [1.0], "Neg takes 1 inputs at most, got 2"),
        ("heat", "Mul", {}, [[1, [2]]], "with expects names or numbers"),
        ("b", "Add", {}, ["size"], "an operand is made behind node 'end'"),
    ],
)
def test_a_node_that_does_not_fit_is_told_why(
    after: str, op: str, attributes: dict[str, Any], operands: list[Any], told: str
) -> None:
    with pytest.raises(InputError) as raised:
        insert(network(), after, op, attributes, operands)
    assert told in str(raised.value)


def test_a_graph_with_the_wanted_names_taken_gets_others() -> None:
    model = graph('net (float[2] x) => (float[2] y) { ["x/Neg"] y = Neg(x) }')
    names_ = [node.name for node in insert(model, "x", "Neg").graph.node]
    assert len(set(names_)) == 2
