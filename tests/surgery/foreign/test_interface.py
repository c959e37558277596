"""Channels-last graphs become channels-first ones that compute the same, with nothing left over."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from surgery.foreign.interface import Sizes, head_outputs, picture_input
from surgery.foreign.layout import NCHW, NHWC, layouts, reshaped
from surgery.foreign.source import ImageInput
from surgery.graph.run import random_feeds, run
from surgery.graph.shapes import infer, shapes
from surgery.measure.arrays import compare, within
from surgery.passes import Check, run_passes
from surgery.support.ledger import Ledger

from .conftest import Operate, manifest
from .graphs import TO_NCHW, TO_NHWC, Builder, plain, port, trunk

SIZES = Sizes(1, 32, 32)


def tensorflow(build: Builder) -> onnx.ModelProto:
    """A pyramid in channels-last order, as a converter writes it that moves no transpose."""

    def conv(source: str, sizes: tuple[int, int], name: str, stride: int = 1) -> str:
        first = build.node("Transpose", [source], f"{name}.first", perm=TO_NCHW)
        made = build.conv(first, sizes, f"{name}.conv", strides=[stride, stride])
        last = build.node("Transpose", [made], f"{name}.last", perm=TO_NHWC)
        bias = build.weight(np.linspace(-1, 1, sizes[1], dtype=np.float32), f"{name}.shift")
        return build.node("Relu", [build.node("Add", [last, bias], f"{name}.sum")], name)

    fine = conv("image", (3, 8), "fine", 2)
    coarse = conv(fine, (8, 8), "coarse", 2)
    scales = build.weight(np.float32([1, 2, 2, 1]), "scales")
    up = build.node("Resize", [coarse, "", scales], "up", mode="nearest")
    both = build.node("Concat", [up, fine], "both", axis=3)
    sides = build.weight(np.int64([1, 32, 32, 16]), "sides")
    large = build.node("Resize", [both, "", "", sides], "large", mode="linear")
    gate = build.node("Sigmoid", [build.node("ReduceMean", [large], "mean", axes=[1, 2])], "gate")
    head = conv(build.node("Mul", [large, gate], "gated"), (16, 4), "head")
    return build.model([port("image", [1, 32, 32, 3])], [port(head, [1, 32, 32, 4])])


def test_a_channels_last_pyramid_is_left_without_a_transpose() -> None:
    model = tensorflow(Builder())
    before = random_feeds(model)["image"]
    expected = run(model, {"image": before})["head"].transpose(0, 3, 1, 2)
    graph = onnx.ModelProto.FromString(model.SerializeToString())
    picture_input(graph, ImageInput("image", "float32", "nhwc", 1, 32, 32), SIZES)
    head_outputs(graph, "image", None)
    graph.graph.output[0].CopyFrom(port("head", [1, 4, 32, 32]))
    feeds = {"image": np.ascontiguousarray(before.transpose(0, 3, 1, 2))}
    ledger = Ledger()
    after = run_passes(
        graph, ledger=ledger, check=Check(feeds), order=("fold", "resize", "transpose", "slim")
    )
    assert "Transpose" not in {node.op_type for node in after.graph.node}
    assert {entry.name for entry in ledger.fired()} >= {"resize", "transpose"}
    assert within(compare({"head": expected}, run(after, feeds))["head"])
    scales = [n for n in after.graph.node if n.op_type == "Resize"]
    assert len(scales) == 2


def test_the_passes_give_the_same_bytes_every_time() -> None:
    model = tensorflow(Builder())
    order = ("resize", "transpose")
    first, again = (run_passes(model, ledger=Ledger(), check=None, order=order) for _ in range(2))
    assert first.SerializeToString() == again.SerializeToString()
    assert {entry.domain for entry in first.opset_import} == {""}
    assert all(node.name for node in first.graph.node)


def test_a_resize_of_channels_stays_as_it_is() -> None:
    build = Builder()
    scales = build.weight(np.float32([1, 2, 2, 1]), "scales")  # of (N,C,H,W): channels and rows
    build.node("Resize", ["image", "", scales], "out", mode="nearest")
    build.node("Conv", ["out", build.weight(np.ones((1, 6, 1, 1), np.float32), "w")], "head")
    model = build.model([port("image", [1, 3, 8, 8])], [port("head", [1, 1, 16, 8])])
    after = run_passes(model, ledger=Ledger(), check=Check.random(model), order=("resize",))
    feeds = random_feeds(model, seed=2)
    assert within(compare(run(model, feeds), run(after, feeds))["head"])


def test_layouts_are_followed_through_the_graph() -> None:
    model = tensorflow(Builder())
    known = layouts(model.graph.node, shapes(infer(model)), {"image": NHWC})
    assert known["fine.first"] == known["fine.conv"] == NCHW
    assert known["up"] == known["both"] == known["large"] == known["gate"] == known["head"] == NHWC


@pytest.mark.parametrize(
    ("axes", "before", "after", "expected"),
    [
        (NCHW, (1, 1, 6, 8), (1, 6, 8, 1), NHWC),
        (NHWC, (1, 6, 8, 1), (1, 1, 6, 8), NCHW),
        (NCHW, (1, 2, 6, 8), (1, 6, 8, 2), None),  # mixes the values up: no transpose does that
        (NCHW, (1, 2, 6, 8), (2, 48), None),
        (NCHW, (1, 1, None, 8), (1, 6, 8, 1), None),
    ],
)
def test_a_reshape_is_a_transpose_where_only_axes_of_length_one_move(
    axes: tuple[str, ...],
    before: tuple[int | None, ...],
    after: tuple[int, ...],
    expected: tuple[str, ...] | None,
) -> None:
    assert reshaped(axes, before, after) == expected


def test_integers_that_the_graph_computes_on_keep_their_cast() -> None:
    build = Builder()
    build.node("Add", ["image", build.weight(np.int32(1), "one")], "more")
    build.node("Cast", ["more"], "floats", to=TensorProto.FLOAT)
    build.conv("floats", (3, 2), "head")
    model = build.model(
        [port("image", [1, 3, 8, 8], TensorProto.INT32)], [port("head", [1, 2, 8, 8])]
    )
    picture = np.random.default_rng(0).integers(0, 256, (1, 3, 8, 8)).astype(np.float32)
    expected = run(model, {"image": picture.astype(np.int32)})
    steps = picture_input(model, ImageInput("image", "int32", "nchw", 1, 8, 8), Sizes(1, 8, 8))
    (step,) = steps
    assert not step.fired
    assert step.reason == "Add 'node/more' computes on integers"
    np.testing.assert_array_equal(run(model, {"image": picture})["head"], expected["head"])


def test_a_layout_that_the_graph_does_not_tell_is_said_in_the_configuration(
    operate: Operate,
) -> None:
    build = Builder()
    feature = trunk(build, "image")
    turned = build.node("Transpose", [build.conv(feature, (8, 3), "hm")], "turned", perm=TO_NHWC)
    rows = build.node("Reshape", [turned, build.weight(np.int64([1, -1, 3]), "rows_to")], "rows")
    build.node("Reshape", [rows, build.weight(np.int64([1, 16, 16, 3]), "back")], "heat")
    build.conv(feature, (8, 2), "wh")
    model = build.model(
        [port("image", [1, 3, 64, 64])],
        [port("heat", [1, 16, 16, 3]), port("wh", [1, 2, 16, 16])],
    )
    decoder = "model.decoder={{name: ctdet, heatmap: heat, size: wh{}}}"
    bundle = operate(model, "model.cut=[heat,wh]", decoder.format(", layout: nhwc"))
    backbone = manifest(bundle)["graphs"]["backbone"]
    assert [each["shape"] for each in backbone["outputs"]] == [[1, 3, 16, 16], [1, 2, 16, 16]]
    assert "layout" not in manifest(bundle)["decoder"]


def test_a_one_class_map_that_a_reshape_made_channels_last_is_left_plain(operate: Operate) -> None:
    build = Builder()
    feature = trunk(build, "image")
    made = build.conv(feature, (8, 1), "hm")
    last = build.node("Reshape", [made, build.weight(np.int64([1, 16, 16, 1]), "to")], "last")
    build.node("Sigmoid", [last], "heat")
    build.conv(feature, (8, 2), "wh")
    sides = [port("heat", [1, 16, 16, 1]), port("wh", [1, 2, 16, 16])]
    model = build.model([port("image", [1, 3, 64, 64])], sides)
    bundle = operate(model, "model.cut=[heat,wh]", "model.decoder={name: ctdet, heatmap: heat}")
    graph = onnx.load(bundle / "backbone.onnx").graph
    assert {node.op_type for node in graph.node} == {"Conv", "Relu", "Sigmoid"}
    assert manifest(bundle)["graphs"]["backbone"]["outputs"][0]["shape"] == [1, 1, 16, 16]


def test_another_opset_is_converted_to_and_stands_in_the_ledger(operate: Operate) -> None:
    bundle = operate(plain(), "surgery.opset=18")
    assert onnx.load(bundle / "backbone.onnx").opset_import[0].version == 18
    entries = [entry for entry in manifest(bundle)["ledger"] if entry["name"] == "opset"]
    assert [entry["fired"] for entry in entries] == [True]


def test_a_graph_that_onnx_runtime_refuses_for_its_types_is_repaired_first(
    operate: Operate,
) -> None:
    build = Builder()
    feature = trunk(build, "image")
    half = build.weight(np.float32(0.5), "half")
    build.conv(build.node("Mul", [feature, half], "scaled"), (8, 3), "hm")
    build.conv(feature, (8, 2), "wh")
    sides = [port("hm", [1, 3, 16, 16]), port("wh", [1, 2, 16, 16])]
    model = build.model([port("image", [1, 3, 64, 64])], sides)
    for tensor in model.graph.initializer:
        if tensor.name == half:
            tensor.CopyFrom(onnx.numpy_helper.from_array(np.float64(0.5), half))
    bundle = operate(model, "model.cut=[hm,wh]")
    entries = [entry for entry in manifest(bundle)["ledger"] if entry["name"] == "element_types"]
    assert [entry["fired"] for entry in entries] == [True]
    assert "its outputs are compared with nothing" in entries[0]["reason"]


def test_a_picture_s_name_read_in_a_branch_follows_the_new_input() -> None:
    branch = helper.make_graph(
        [helper.make_node("Identity", ["image"], ["same"])], "b", [], [port("same", [1, 4, 4, 3])]
    )
    other = helper.make_graph(
        [helper.make_node("Neg", ["image"], ["minus"])], "o", [], [port("minus", [1, 4, 4, 3])]
    )
    build = Builder()
    yes = build.weight(np.array(True), "yes")
    build.nodes.append(
        helper.make_node("If", [yes], ["head"], then_branch=branch, else_branch=other, name="if")
    )
    model = build.model([port("image", [1, 4, 4, 3])], [port("head", [1, 4, 4, 3])])
    picture_input(model, ImageInput("image", "float32", "nhwc", 1, 4, 4), Sizes(1, 4, 4))
    given = np.random.default_rng(0).random((1, 3, 4, 4), np.float32)
    found = run(model, {"image": given})["head"]
    np.testing.assert_array_equal(found, given.transpose(0, 2, 3, 1))


def test_a_node_that_is_called_like_an_output_keeps_its_name() -> None:
    build = Builder()
    turned = build.node("Transpose", ["x"], "turned", perm=TO_NCHW)
    back = build.node("Transpose", [build.conv(turned, (3, 4), "maps")], "heat", perm=TO_NHWC)
    build.node("Sigmoid", [back], "out")
    build.nodes[1].name = "heat"  # as keras2onnx calls it
    model = build.model([port("x", (1, 8, 8, 3))], [port("heat", (1, 8, 8, 4))])
    picture = ImageInput("x", "float32", "nhwc", 1, 8, 8)
    picture_input(model, picture, Sizes(1, 8, 8))
    head_outputs(model, "x", None)
    names = [node.name for node in model.graph.node]
    assert len(names) == len(set(names))
    run(model, random_feeds(model))
