"""A model that is no whole graph is refused in one line at every door, and nothing is written."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from postprocess.errors import InputError
from postprocess.fields import Field
from surgery.graph.files import load_onnx
from surgery.graph.run import random_feeds
from surgery.graph.whole import check_whole
from surgery.measure.arrays import difference
from surgery.steps.sequence import apply, parse
from surgery.support.ledger import Ledger
from surgery.targets import Target
from surgery.targets.audit import audit

from ..conftest import Compose
from .graphs import graph, network


def opset_zero(model: onnx.ModelProto) -> None:
    model.opset_import[0].version = 0


def no_opset(model: onnx.ModelProto) -> None:
    del model.opset_import[:]


def foreign_node(model: onnx.ModelProto) -> None:
    model.graph.node[1].domain = "acme"


def cyclic(model: onnx.ModelProto) -> None:
    model.graph.node[0].input[0] = "heat"


def made_twice(model: onnx.ModelProto) -> None:
    model.graph.node[1].output[0] = "a"


def two_weights(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(model.graph.initializer[0])


def two_inputs(model: onnx.ModelProto) -> None:
    model.graph.input.append(model.graph.input[0])


def output_from_nowhere(model: onnx.ModelProto) -> None:
    model.graph.output[0].name = "nothing"


def node_without_output(model: onnx.ModelProto) -> None:
    model.graph.node[0].ClearField("output")
    model.graph.node[0].ClearField("name")


def no_nodes(model: onnx.ModelProto) -> None:
    del model.graph.node[:]


def no_outputs(model: onnx.ModelProto) -> None:
    del model.graph.output[:]


def longer_than_its_values(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].dims[0] = 2**40


def without_values(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].ClearField("raw_data")


def negative_size(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].dims[0] = -4


def unknown_type(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].data_type = 77


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (opset_zero, "imports opset 0 of ai.onnx"),
        (no_opset, "which the model does not import (it imports none)"),
        (foreign_node, "node 'act' (Relu) is of domain 'acme', which the model does not import"),
        (cyclic, "node 'stem' (Conv) reads 'heat', which is made only behind it"),
        (made_twice, "tensor 'a' is made twice"),
        (two_weights, "two weights are called 'w'"),
        (two_inputs, "two inputs are called 'image'"),
        (output_from_nowhere, "nothing makes output 'nothing'"),
        (node_without_output, "node 'act' (Relu) reads 'a', which nothing makes"),
        (no_nodes, "holds a graph of no nodes or no outputs"),
        (no_outputs, "holds a graph of no nodes or no outputs"),
        (longer_than_its_values, "takes 13,194,139,533,312 bytes, the file holds 48"),
        (without_values, "tensor 'w' of shape (4,3,1,1) holds no values"),
        (negative_size, "shape (-4,3,1,1): no size can be negative"),
        (unknown_type, "tensor 'w' is of an unknown element type, 77"),
    ],
)
def test_what_no_step_could_work_with_is_named(
    spoil: Callable[[onnx.ModelProto], None], told: str, tmp_path: Path, compose: Compose
) -> None:
    model = network()
    check_whole(model, "as it was")
    spoil(model)
    path = tmp_path / "spoilt.onnx"
    path.write_bytes(model.SerializeToString())
    target = Target.from_config(compose("task=audit", "target=xnnpack").target)
    for door in (lambda: load_onnx(path, weights=True), lambda: audit(path, target)):
        with pytest.raises(InputError) as caught:
            door()
        assert str(caught.value).startswith(str(path))
        assert told in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_pipe_and_a_folder_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.onnx")
    with pytest.raises(InputError, match="it is no file"):
        load_onnx(tmp_path / "pipe.onnx")
    with pytest.raises(InputError, match="Is a directory"):
        load_onnx(tmp_path)


def test_a_file_beyond_what_protobuf_holds_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "large.onnx").open("wb") as file:
        file.truncate(2**31)  # a hole on the disk
    with pytest.raises(InputError, match=r"2,147,483,648 bytes, an ONNX file ends at"):
        load_onnx(tmp_path / "large.onnx")


def test_a_function_that_calls_itself_is_told_by_the_audit(
    tmp_path: Path, compose: Compose
) -> None:
    body = [helper.make_node("Again", ["a"], ["b"], domain="acme")]
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("acme", 1)]
    model = network()
    model.functions.append(helper.make_function("acme", "Again", ["a"], ["b"], body, imports))
    model.opset_import.append(imports[1])
    model.graph.node[1].op_type, model.graph.node[1].domain = "Again", "acme"
    onnx.save(model, tmp_path / "again.onnx")
    target = Target.from_config(compose("task=audit", "target=xnnpack").target)
    with pytest.raises(InputError, match="functions cannot be put in place: Cycle detected"):
        audit(tmp_path / "again.onnx", target)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (helper.make_tensor_value_info("x", TensorProto.FLOAT, [2**31, 2**31]), "takes 4,611,686"),
        (helper.make_tensor_value_info("x", TensorProto.UNDEFINED, [1]), "is of element type 0"),
        (helper.make_tensor_sequence_value_info("x", TensorProto.FLOAT, None), "is of no tensor"),
    ],
)
def test_an_input_that_nothing_can_be_made_up_for_is_told(
    value: onnx.ValueInfoProto, told: str
) -> None:
    with pytest.raises(InputError, match=told):
        random_feeds(onnx.ModelProto(graph=onnx.GraphProto(input=[value])))


def test_labels_of_text_are_held_against_each_other() -> None:
    labels = np.array(["cat", "dog"], object)
    assert difference(labels, labels).max == 0
    assert difference(labels, np.array(["cat", "cow"], object)).max == 1
    model = graph("net (float[2] x) => (float[2] y, string[2] z) { y = Neg(x) z = Identity(t) }")
    model.graph.initializer.append(helper.make_tensor("t", TensorProto.STRING, [2], [b"a", b"b"]))
    ledger = Ledger()
    apply(model, parse(_steps({"rename": {"y": "negative"}})), ledger)
    (entry,) = ledger
    assert entry.effect == {"max": 0}


def _steps(*steps: object) -> Field:
    return Field(list(steps), "configuration", "graph.steps")
