"""Static quantisation: one scale a channel, and layers that are left out stay as they were."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from postprocess.errors import InputError
from surgery.graph.run import run
from surgery.graph.storage import settle
from surgery.graph.weights import has_outside
from surgery.measure.arrays import difference
from surgery.precision.int8 import to_int8
from surgery.precision.ranges import tensor_ranges
from surgery.support import scratch

from .graphs import LAYERS, pictures, three_convolutions, weight_types


@pytest.fixture(scope="module")
def graph() -> onnx.ModelProto:
    return three_convolutions()


def quantised(graph: onnx.ModelProto, *keep: str) -> onnx.ModelProto:
    return to_int8(graph, tensor_ranges(graph, pictures()), keep)


def test_weights_have_eight_bits_and_one_scale_a_channel(graph: onnx.ModelProto) -> None:
    model = quantised(graph)
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    weights = [node for node in model.graph.node if node.input[0].startswith("first.weight")]
    assert [node.op_type for node in weights] == ["DequantizeLinear"]
    assert tensors[weights[0].input[0]].data_type == TensorProto.INT8
    assert numpy_helper.to_array(tensors[weights[0].input[1]]).shape == (8,)


def test_inputs_and_outputs_stay_in_float32(graph: onnx.ModelProto) -> None:
    model = quantised(graph)
    for value in (*model.graph.input, *model.graph.output):
        assert value.type.tensor_type.elem_type == TensorProto.FLOAT


def test_the_error_is_some_steps_of_the_outputs_scale(graph: onnx.ModelProto) -> None:
    feeds = pictures(1)[0]
    found = difference(run(graph, feeds)["head"], run(quantised(graph), feeds)["head"])
    assert 0 < found.max < 8 * found.scale / 127


def test_a_layer_left_out_keeps_its_weights_and_the_graph_its_accuracy(
    graph: onnx.ModelProto,
) -> None:
    model = quantised(graph, "third")
    assert weight_types(model)["third.weight"] == TensorProto.FLOAT
    assert "first.weight" not in weight_types(model)
    none_left = quantised(graph, *LAYERS)
    feeds = pictures(1)[0]
    assert difference(run(graph, feeds)["head"], run(none_left, feeds)["head"]).max == 0.0


def test_an_opset_without_scales_for_channels_is_refused_with_the_setting_to_change() -> None:
    with pytest.raises(InputError, match=r"opset 13 or later.*surgery\.opset=13"):
        to_int8(three_convolutions(opset=11), {})


def test_weights_in_files_are_quantised_too(
    graph: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch
) -> None:
    feeds, expected = pictures(1)[0], quantised(graph)
    monkeypatch.setattr(scratch, "_limit", 2000)
    outside = settle(three_convolutions())
    assert has_outside(outside)
    found = run(quantised(outside), feeds)["head"]
    np.testing.assert_array_equal(found, run(expected, feeds)["head"])
