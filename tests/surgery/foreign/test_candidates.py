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

from .conftest import Save
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
