"""Nodes out of order are sorted on reading; a cycle stays one."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from postprocess.errors import InputError
from surgery.graph.files import load_onnx
from surgery.graph.order import in_order
from surgery.graph.run import run


def model(*nodes: onnx.NodeProto) -> onnx.ModelProto:
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [2]) for name in ("x", "y")]
    graph = helper.make_graph(list(nodes), "g", ports[:1], ports[1:])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def node(operator: str, source: str, output: str) -> onnx.NodeProto:
    return helper.make_node(operator, [source], [output], name=output)


def test_what_is_read_comes_first_and_the_rest_stays_as_it_was(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    onnx.save(
        model(node("Neg", "b", "y"), node("Abs", "a", "b"), node("Exp", "x", "a")),
        tmp_path / "unsorted.onnx",
    )
    with caplog.at_level(logging.WARNING, "surgery"):
        found = load_onnx(tmp_path / "unsorted.onnx")
    assert [each.op_type for each in found.graph.node] == ["Exp", "Abs", "Neg"]
    assert "sorted on reading" in caplog.text
    x = np.float32([1.0, -2.0])
    np.testing.assert_allclose(run(found, {"x": x})["y"], -np.exp(x), rtol=1e-6)


def test_a_sorted_graph_is_left_as_it_is() -> None:
    given = model(node("Exp", "x", "a"), node("Neg", "a", "y"))
    before = given.SerializeToString()
    assert not in_order(given)
    assert given.SerializeToString() == before


def test_a_cycle_is_refused_by_name(tmp_path: Path) -> None:
    onnx.save(model(node("Neg", "b", "a"), node("Abs", "a", "b"), node("Exp", "b", "y")),
              tmp_path / "cycle.onnx")  # fmt: skip
    with pytest.raises(InputError, match=r"reads '[ab]', which is made only behind it"):
        load_onnx(tmp_path / "cycle.onnx")
