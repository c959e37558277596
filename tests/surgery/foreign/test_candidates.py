"""``cut=auto`` ends the network where its decoding begins, and says why."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from postprocess.errors import InputError
from surgery.config.run import Config
from surgery.foreign.candidates import automatic, candidates
from surgery.foreign.source import Found
from surgery.tasks import list as listing

from .conftest import Operate, Save, manifest
from .graphs import SIDE, TO_NHWC, Builder, centernet, plain, port, trunk


def chosen(found: Found) -> list[str]:
    return [candidate.tensor for candidate in automatic(found)]


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
def test_heads_are_cut_behind_what_follows_them_pixel_by_pixel(layout: str, save: Save) -> None:
    found = save(centernet(layout=layout, probabilities=True))
    assert sorted(chosen(found)) == ["likely", "sizes"]


def test_reasons_name_the_convolution_and_what_comes_behind(save: Save) -> None:
    found = save(centernet(probabilities=True))
    reasons = {candidate.tensor: candidate.reason for candidate in candidates(found)}
    assert reasons["hm"] == "the network goes on with Sigmoid"
    assert reasons["likely"] == (
        "behind the last convolution node/hm; followed by Transpose, ReduceMax"
    )


def test_the_listing_knows_shape_type_and_layout(save: Save) -> None:
    by_name = {candidate.tensor: candidate for candidate in candidates(save(centernet()))}
    sizes = by_name["sizes"]
    assert (sizes.shape, sizes.dtype, sizes.layout) == ((1, 4, 16, 16), "float32", "nchw")
    assert (sizes.operator, sizes.node) == ("Softplus", "node/sizes")


def test_peaks_in_the_graph_are_decoding(save: Save) -> None:
    build = Builder()
    build.node("Sigmoid", [build.conv(trunk(build, "image"), (8, 3), "hm")], "likely")
    build.node("MaxPool", ["likely"], "around", kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    build.node("Equal", ["likely", "around"], "top")
    build.node("Cast", ["top"], "keep", to=TensorProto.FLOAT)
    build.node("Mul", ["likely", "keep"], "peaks")
    sides = [1, 3, SIDE // 4, SIDE // 4]
    found = save(build.model([port("image", [1, 3, SIDE, SIDE])], [port("peaks", sides)]))
    assert chosen(found) == ["likely"]


def test_a_plugin_s_deformable_convolution_is_part_of_the_network(save: Save) -> None:
    build = Builder()
    feature = trunk(build, "image")
    given = [build.conv(feature, (8, channels), name) for channels, name in ((18, "by"), (9, "m"))]
    kernel = np.random.default_rng(0).standard_normal((3, 8, 3, 3)).astype(np.float32)
    weight = build.weight(kernel, "weight")
    bias = build.weight(np.zeros(3, np.float32), "bias")
    ones = {name: [1, 1] for name in ("stride", "padding", "dilation")}
    plugin = ("MMCVModulatedDeformConv2d", [feature, *given, weight, bias], "hm")
    build.node(*plugin, domain="mmdeploy", groups=1, deform_groups=1, **ones)
    build.node("Sigmoid", ["hm"], "likely")
    build.node("MaxPool", ["likely"], "around", kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    build.node("Equal", ["likely", "around"], "top")
    sides = [1, 3, SIDE // 4, SIDE // 4]
    peaks = port("top", sides, TensorProto.BOOL)
    found = save(build.model([port("image", [1, 3, SIDE, SIDE])], [peaks]))
    assert chosen(found) == ["likely"]


def test_a_scale_a_channel_is_the_network_and_a_grid_of_places_is_decoding(save: Save) -> None:
    build = Builder()
    build.conv(trunk(build, "image"), (8, 2), "wh")
    scale = build.weight(np.ones((2, 1, 1), np.float32), "scale")
    build.node("Mul", ["wh", scale], "scaled")
    side = SIDE // 4
    grid = build.weight(np.zeros((2, side, side), np.float32), "grid")
    build.node("Add", ["scaled", grid], "corners")
    sides = [1, 2, side, side]
    found = save(build.model([port("image", [1, 3, SIDE, SIDE])], [port("corners", sides)]))
    assert chosen(found) == ["scaled"]


def test_a_feature_that_decoding_samples_is_cut_too(save: Save) -> None:
    build = Builder()
    feature = trunk(build, "image")
    build.conv(feature, (8, 1), "hm")
    flat = build.weight(np.int64([1, -1]), "flat")
    build.node("Reshape", ["hm", flat], "row")
    build.node("ArgMax", ["row"], "place", axis=1, keepdims=0)
    build.node("Reshape", [feature, build.weight(np.int64([8, -1]), "table")], "rows")
    build.node("Gather", ["rows", "place"], "sampled", axis=1)
    found = save(build.model([port("image", [1, 3, SIDE, SIDE])], [port("sampled", [8, 1])]))
    assert sorted(chosen(found)) == ["hm", "r2"]


def test_convolutions_on_selected_places_are_not_the_backbone_s(save: Save) -> None:
    build = Builder()
    feature = trunk(build, "image")
    build.conv(feature, (8, 1), "hm")
    build.node("Reshape", ["hm", build.weight(np.int64([1, -1]), "flat")], "row")
    build.node("ArgMax", ["row"], "place", axis=1, keepdims=1)
    build.node("Cast", ["place"], "number", to=TensorProto.FLOAT)
    build.node("Reshape", ["number", build.weight(np.int64([1, 1, 1, 1]), "one")], "dot")
    build.conv("dot", (1, 2), "second")
    found = save(build.model([port("image", [1, 3, SIDE, SIDE])], [port("second", [1, 2, 1, 1])]))
    assert chosen(found) == ["hm"]


def test_a_graph_without_a_convolution_is_refused_with_a_way_out(save: Save) -> None:
    build = Builder()
    build.node("Transpose", ["image"], "out", perm=TO_NHWC)
    model = build.model([port("image", [1, 3, 8, 8])], [port("out", [1, 8, 8, 3])])
    with pytest.raises(InputError, match=r"no convolution depends on input 'image'.*model\.cut"):
        candidates(save(model))


def test_movenet_is_cut_at_its_four_heads(reference: Path) -> None:
    found = Found(reference / "movenet" / "movenet_lightning.onnx")
    assert sorted(c.shape for c in automatic(found) if c.shape) == [
        (1, 1, 48, 48), (1, 17, 48, 48), (1, 34, 48, 48), (1, 34, 48, 48),
    ]  # fmt: skip


@pytest.mark.parametrize("size", ["128x96", "256x192"])
def test_tinypose_is_cut_at_its_heatmap(size: str, reference: Path) -> None:
    found = Found(reference / "tinypose" / f"tinypose_{size}.onnx")
    assert chosen(found) == ["conv2d_441.tmp_1"]


def test_the_dry_run_shows_the_cuts_and_the_command_to_type(
    save: Save, compose: Callable[..., Config], capsys: pytest.CaptureFixture[str]
) -> None:
    found = save(centernet(probabilities=True))
    listing.run(compose("task=list", f"model.path={found.path}"))
    shown = capsys.readouterr().out
    assert "input   image:0  float32 (1,64,64,3), the picture, nhwc" in shown
    assert "  * likely\n      float32 (1,3,16,16) nchw, made by Sigmoid; behind" in shown
    assert "    hm\n" in shown
    assert re.search(r"\"model\.cut=\['\w+','\w+'\]\" \"model\.decoder=", shown)


def test_weights_may_be_constant_nodes(save: Save) -> None:
    model = plain()
    values = {tensor.name: tensor for tensor in model.graph.initializer}
    del model.graph.initializer[:]
    for position, (name, tensor) in enumerate(values.items()):
        node = helper.make_node("Constant", [], [name], value=tensor)
        model.graph.node.insert(position, node)
    onnx.checker.check_model(model)
    assert sorted(chosen(save(model))) == ["hm", "wh"]


def yolo() -> onnx.ModelProto:
    """A box branch whose distances are a mean over places (DFL), and a class branch."""
    build = Builder()
    features = trunk(build, "image")
    build.conv(features, (8, 16), "box")
    build.conv(features, (8, 2), "cls")
    side = SIDE // 4
    sizes = build.weight(np.int64([1, 4, 4, side * side]), "sizes")
    spread = build.node("Reshape", ["box", sizes], "spread")
    places = build.node("Transpose", [spread], "places", perm=[0, 2, 1, 3])
    likely = build.node("Softmax", [places], "likely", axis=1)
    ramp = build.weight(np.arange(4, dtype=np.float32).reshape(1, 4, 1, 1), "ramp")
    build.node("Conv", [likely, ramp], "mean")
    build.node("Sigmoid", ["cls"], "scores")
    return build.model(
        [port("image", [1, 3, SIDE, SIDE])],
        [port("mean", [1, 1, 4, side * side]), port("scores", [1, 2, side, side])],
    )


def test_a_mean_over_places_is_no_learned_convolution(save: Save) -> None:
    assert sorted(chosen(save(yolo()))) == ["box", "scores"]


def test_channels_that_are_taken_apart_and_averaged_belong_to_the_network(save: Save) -> None:
    build = Builder()
    features = trunk(build, "image")
    build.conv(features, (8, 6), "coarse")
    joined = build.node("Concat", [features, "coarse"], "joined", axis=1)
    build.conv(joined, (14, 3), "fine")
    cuts = [build.weight(np.int64([each]), f"w{each}") for each in (0, 3, 6, 1)]
    maps = build.node("Slice", ["coarse", cuts[0], cuts[1], cuts[3]], "maps")
    build.node("Slice", ["coarse", cuts[1], cuts[2], cuts[3]], "tags")
    build.node("Add", [maps, "fine"], "mean")
    side = SIDE // 4
    outputs = [port(name, [1, 3, side, side]) for name in ("mean", "tags")]
    found = save(build.model([port("image", [1, 3, SIDE, SIDE])], outputs))
    assert sorted(chosen(found)) == ["mean", "tags"]


@pytest.mark.parametrize("channels", [1, 4])
def test_pictures_of_one_or_four_channels_are_cut_like_others(
    channels: int, operate: Operate
) -> None:
    build = Builder()
    build.conv(build.conv("image", (channels, 8), "c1"), (8, 3), "maps")
    model = build.model(
        [port("image", [1, channels, SIDE, SIDE])], [port("maps", [1, 3, SIDE, SIDE])]
    )
    bundle = operate(model, "model.decoder={name: keypoints, heatmap: maps, method: argmax}")
    document = manifest(bundle)
    assert document["graphs"]["backbone"]["inputs"][0]["shape"] == [1, channels, SIDE, SIDE]
    assert document["preprocess"]["color"] == {1: "gray", 4: "rgba"}[channels]


def test_auto_cuts_at_the_heads_that_the_decoder_names(operate: Operate) -> None:
    bundle = operate(centernet(probabilities=True), "model.decoder={name: keypoints, heatmap: hm}")
    outputs = [each["name"] for each in manifest(bundle)["graphs"]["backbone"]["outputs"]]
    assert sorted(outputs) == ["hm", "sizes"]


def test_a_head_that_the_decoder_does_not_read_is_named(operate: Operate) -> None:
    bundle = operate(plain(), "model.decoder={name: keypoints, heatmap: hm}", "model.cut=[hm,wh]")
    unread = [each for each in manifest(bundle)["ledger"] if each["name"] == "head"]
    assert [each["where"] for each in unread] == ["wh"]


def test_a_cut_at_int8_goes_behind_what_makes_floats_of_it(save: Save) -> None:
    build = Builder()
    build.conv(trunk(build, "image"), (8, 3), "maps")
    scale, zero = build.weight(np.float32(0.1), "scale"), build.weight(np.int8(0), "zero")
    build.node("QuantizeLinear", ["maps", scale, zero], "whole")
    build.node("Transpose", ["whole"], "turned", perm=TO_NHWC)
    build.node("DequantizeLinear", ["turned", scale, zero], "out")
    build.node("ArgMax", ["out"], "best", axis=3, keepdims=0)
    side = SIDE // 4
    model = build.model(
        [port("image", [1, 3, SIDE, SIDE])], [port("best", [1, side, side], TensorProto.INT64)]
    )
    assert chosen(save(model)) == ["out"]
