"""Graphs in older and newer opsets compute the same, or the operator at fault is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from postprocess.errors import InputError
from surgery.graph.run import random_feeds, run
from surgery.measure.arrays import compare, within
from surgery.passes import Check
from surgery.passes.opset import at_opset, proven

RNG = np.random.default_rng(0)


def floats(*shape: int) -> np.ndarray:
    return RNG.uniform(0.5, 2, shape).astype(np.float32)


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def model(
    op: str, opset: int, *inputs: Any, outputs: int = 1, **attributes: Any
) -> onnx.ModelProto:
    """One node over x (1, 4, 8, 8); other inputs are constants, None for one left out."""
    names = ["x", *("" if v is None else f"c{i}" for i, v in enumerate(inputs))]
    made = [f"y{i}" for i in range(outputs)]
    constants = {f"c{i}": v for i, v in enumerate(inputs) if v is not None}
    bare = helper.make_graph(
        [helper.make_node(op, names, made, name="n", **attributes)],
        "case",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4, 8, 8])],
        [helper.make_empty_tensor_value_info(name) for name in made],
        [numpy_helper.from_array(v, name) for name, v in constants.items()],
    )
    whole = helper.make_model(bare, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    inferred = onnx.shape_inference.infer_shapes(whole, data_prop=True)
    for value in inferred.graph.output:
        if (
            value.type.WhichOneof("value") is None
        ):  # of functions such as GroupNormalization it knows nothing
            value.type.CopyFrom(inferred.graph.input[0].type)
    return inferred


HALVES = {"coordinate_transformation_mode": "half_pixel"}
BOX = ints(0, 0, 1, 1, 0, 0, 2, 2)
# Each from its opset to 11 (or to the oldest that has it), where something else has to be written.
CASES: dict[str, tuple[onnx.ModelProto, int]] = {
    "ReduceMean": (model("ReduceMean", 18, ints(2, 3)), 11),
    "ReduceMax, all axes": (model("ReduceMax", 18, keepdims=0), 11),
    "ReduceSum, none": (model("ReduceSum", 18, noop_with_empty_axes=1), 11),
    "Softmax": (model("Softmax", 18, axis=1), 11),
    "LogSoftmax, last axis": (model("LogSoftmax", 18), 11),
    "Split": (model("Split", 18, ints(1, 3), outputs=2, axis=1), 11),
    "Split by a count": (model("Split", 18, outputs=3, axis=2, num_outputs=3), 11),
    "Squeeze": (model("Squeeze", 18, ints(0)), 11),
    "Unsqueeze": (model("Unsqueeze", 18, ints(0, 2)), 11),
    "Pad of two axes": (model("Pad", 18, ints(1, 1, 2, 2), None, ints(2, 3)), 11),
    "Pad, old": (model("Pad", 18, BOX, np.array(1.5, np.float32)), 10),
    "Clip, old": (model("Clip", 18, np.array(0.5, np.float32), np.array(1, np.float32)), 10),
    "Clip without a bound": (model("Clip", 18, np.array(0.5, np.float32)), 10),
    "Resize": (model("Resize", 18, None, np.array([1, 1, 2, 2], np.float32), **HALVES), 11),
    "Resize of two axes": (
        model("Resize", 18, None, None, ints(16, 12), axes=[2, 3], mode="linear", **HALVES),
        11,
    ),
    "Resize, old": (
        model(
            *("Resize", 18, None, np.array([1, 1, 2, 2], np.float32)),
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        ),
        10,
    ),
    "GridSample": (model("GridSample", 20, floats(1, 5, 5, 2) - 1, mode="linear"), 16),
    "BatchNormalization": (model("BatchNormalization", 18, *(floats(4) for _ in range(4))), 11),
    "LayerNormalization": (model("LayerNormalization", 18, floats(8, 8), floats(8, 8), axis=2), 11),
    "GroupNormalization": (
        model("GroupNormalization", 21, floats(4), floats(4), num_groups=2),
        11,
    ),
    "HardSwish": (model("HardSwish", 18), 11),
    "Gelu": (model("Gelu", 20), 11),
    "Mish": (model("Mish", 18), 11),
    "Shape of some axes": (model("Shape", 18, start=1, end=3), 11),
    "Dropout": (model("Dropout", 18), 11),
    "LessOrEqual": (model("LessOrEqual", 18, floats(1)), 11),
    "Cast": (model("Cast", 21, to=TensorProto.INT32), 11),
    "Reshape": (model("Reshape", 21, ints(4, 64), allowzero=1), 11),
    "ScatterND": (model("ScatterND", 18, ints(0, 1).reshape(1, 2), floats(1, 8, 8)), 11),
    "TopK": (model("TopK", 18, ints(3), outputs=2), 11),
    "MaxPool": (model("MaxPool", 22, kernel_shape=[2, 2], dilations=[1, 1]), 11),
    "AveragePool": (model("AveragePool", 22, kernel_shape=[2, 2], dilations=[1, 1]), 11),
}


@pytest.mark.parametrize("name", ["Relu", "Concat", "Split", "Pad", "Clip"])
def test_the_converter_of_onnx_stops_on_the_way_down(name: str) -> None:
    """What downgrade is there for; when this fails, see what it still needs."""
    inputs = {"Concat": [floats(1, 4, 8, 8)], "Split": [ints(1, 3)], "Pad": [BOX], "Clip": []}
    attributes = {"axis": 1} if name in ("Concat", "Split") else {}
    before = model(name, 18, *inputs.get(name, []), outputs=1 + (name == "Split"), **attributes)
    with pytest.raises(RuntimeError, match="No Adapter"):
        onnx.version_converter.convert_version(before, 12)
    assert at_opset(before, 12).opset_import[0].version == 12


def test_the_converter_of_onnx_gets_softmax_wrong_without_a_word() -> None:
    before, _ = CASES["Softmax"]
    feeds = random_feeds(before)
    wrong = onnx.version_converter.convert_version(before, 12)
    assert not within(compare(run(before, feeds), run(wrong, feeds))["y0"])
    assert Check(feeds)(before, at_opset(before, 12)) is None


@pytest.mark.parametrize("name", CASES)
def test_a_node_in_an_older_opset_gives_what_it_gave(name: str) -> None:
    before, opset = CASES[name]
    copy = before.SerializeToString()
    after = proven(before, opset, Check.random(before))
    assert after.opset_import[0].version == opset
    onnx.checker.check_model(after, full_check=True)
    assert before.SerializeToString() == copy


@pytest.mark.parametrize("name", ["ReduceMean", "Split", "Pad of two axes", "Softmax", "HardSwish"])
def test_there_and_back_again_gives_what_it_gave(name: str) -> None:
    before, opset = CASES[name]
    check = Check.random(before)
    again = proven(proven(before, opset, check), 22, check)
    assert again.opset_import[0].version == 22
    assert check(before, again) is None


@pytest.mark.parametrize(
    ("before", "opset", "reason"),
    [
        (model("GridSample", 18, floats(1, 5, 5, 2)), 13, "GridSample 'n' exists from opset 16 on"),
        (model("Trilu", 18), 13, "Trilu 'n' exists from opset 14 on"),
        (
            model(
                "Resize",
                18,
                None,
                np.array([1, 1, 0.5, 0.5], np.float32),
                antialias=1,
                mode="linear",
            ),
            17,
            "Resize 'n': antialias=1 came later",
        ),
        (model("Pad", 19, BOX, mode="wrap"), 18, "Pad 'n': mode=wrap came later"),
        (
            model("ScatterND", 18, ints(0, 1).reshape(1, 2), floats(1, 8, 8), reduction="add"),
            15,
            "ScatterND 'n' has reduction=add, which it takes from opset 16 on",
        ),
        (model("AveragePool", 19, kernel_shape=[2, 2], dilations=[2, 2]), 18, "has dilations="),
        (model("Relu", 18), 99, "opset expects 1 to"),
    ],
)
def test_what_has_no_older_form_is_refused_by_name(
    before: onnx.ModelProto, opset: int, reason: str
) -> None:
    with pytest.raises(InputError) as e:
        at_opset(before, opset)
    assert reason in str(e.value)
    assert "\n" not in str(e.value)


def test_a_real_network_goes_from_17_to_11(reference: Path) -> None:
    before = onnx.load(reference / "movenet" / "movenet_lightning.onnx")
    after = proven(before, 11, Check.random(before))
    assert after.opset_import[0].version == 11


def test_a_file_of_ir_version_3_whose_weights_are_no_inputs_goes_up() -> None:
    kernel = numpy_helper.from_array(np.ones((2, 3, 1, 1), np.float32), "w")
    pad = helper.make_node("Pad", ["x"], ["p"], pads=[0, 0, 1, 1, 0, 0, 1, 1])
    conv = helper.make_node("Conv", ["p", "w"], ["y"])
    ports = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 4, 4]),
        helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2, 6, 6]),
    ]
    made = helper.make_graph([pad, conv], "g", ports[:1], ports[1:], [kernel])
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 9)], ir_version=3)
    x = {"x": np.ones((1, 3, 4, 4), np.float32)}
    model4 = onnx.ModelProto()
    model4.CopyFrom(model)
    model4.ir_version = 4
    np.testing.assert_array_equal(run(at_opset(model, 13), x)["y"], run(model4, x)["y"])
    assert model.ir_version == 3
