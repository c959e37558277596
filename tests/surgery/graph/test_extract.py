"""The part of a graph between tensors gives what the whole gives, or says what it is missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from postprocess.errors import InputError
from surgery.graph import extract
from surgery.graph.extract import tensors

from .graphs import branching, graph, inputs, names, network, outputs


def test_onnx_leaves_a_graph_that_reads_what_nothing_makes(tmp_path: Path) -> None:
    onnx.save(onnx.shape_inference.infer_shapes(network()), tmp_path / "a.onnx")
    files = str(tmp_path / "a.onnx"), str(tmp_path / "b.onnx")
    with pytest.raises(onnx.checker.ValidationError, match="not output of any previous nodes"):
        onnx.utils.extract_model(*files, ["b"], ["size"])


def test_what_leads_around_the_named_inputs_is_named() -> None:
    with pytest.raises(InputError, match="'size' also needs 'scale' besides the named inputs"):
        extract(network(), ["size"], ["b"])


def test_a_part_gives_what_the_whole_gives() -> None:
    model = network()
    part = extract(model, ["size"], ["b", "scale"])
    assert names(part) == (["b", "scale"], ["size"])
    assert [node.op_type for node in part.graph.node] == ["Mul"]
    values = tensors(model, inputs(model), ["b", "scale", "size"])
    found = outputs(part, {"b": values["b"], "scale": values["scale"]})
    np.testing.assert_array_equal(found["size"], values["size"])


def test_weights_come_along_only_where_they_are_read() -> None:
    model = network()
    assert [t.name for t in extract(model, ["b"]).graph.initializer] == ["w"]
    assert not extract(model, inputs=["b", "scale"]).graph.initializer


def test_what_a_subgraph_captures_is_kept() -> None:
    model = branching()
    part = extract(model, ["y"], ["a", "c"])
    values = tensors(model, inputs(model), ["a", "c", "y"])
    found = outputs(part, {"a": values["a"], "c": values["c"]})
    np.testing.assert_array_equal(found["y"], values["y"])


@pytest.mark.parametrize(
    ("ends", "starts", "told"),
    [
        (["heet"], None, "outputs names 'heet', which is no tensor; did you mean 'heat'?"),
        (["end"], None, "outputs names 'end', a node: name a tensor, it makes 'heat'"),
        (["w"], None, "outputs names 'w', a weight"),
        (["image"], None, "outputs names 'image', an input of the graph"),
        (["heat"], ["size"], "inputs names 'size', which 'heat' does not need"),
        (["heat"], ["heat"], "'heat' is named among inputs and outputs"),
        (["heat"], ["w", "image"], "inputs names 'w', a weight: it comes along"),
        ([], None, "outputs expects names of tensors, got none"),
    ],
)
def test_a_name_that_does_not_fit_is_told_why(
    ends: list[str], starts: list[str] | None, told: str
) -> None:
    with pytest.raises(InputError) as raised:
        extract(network(), ends, starts)
    assert told in str(raised.value)


def test_an_end_of_unknown_type_is_refused() -> None:
    model = graph("net (float[2] x) => (float[2] z) { y = own.Op(x) z = Neg(y) }")
    model.opset_import.add(domain="own", version=1)
    with pytest.raises(InputError, match="element type of tensor 'y' is not known"):
        extract(model, ["y"])
