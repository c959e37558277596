"""Keypoints from the graph are the decoder's keypoints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from surgery.decoding import decoding, require_same
from surgery.graph.run import run
from surgery.targets.runtimes import RUNTIMES

from .heads import ports, same, spots

# of a coordinate below 96 pixels: four places of float32
ROUNDING = 4 * 2.0**-17

METHODS = ["argmax", "quarter", "dark", "dark_udp"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("opset", [11, 18])
def test_points_equal_the_decoders(method: str, opset: int) -> None:
    found = same({"name": "keypoints", "method": method}, {"heatmap": spots()}, opset)
    assert found.outputs["keypoints"].max <= ROUNDING


@pytest.mark.parametrize(
    "parameters",
    [
        {"method": "quarter", "udp": True, "score": "visible", "joint_threshold": 0.9},
        {"method": "dark", "kernel": 5, "stride": 8.0},
        {"method": "dark_udp", "kernel": 7, "activation": "sigmoid", "udp": False},
        {"method": "argmax", "threshold": 0.99, "layout": "nchw"},
    ],
)
def test_every_parameter_is_followed(parameters: dict[str, Any]) -> None:
    same({"name": "keypoints", **parameters}, {"heatmap": spots()})


@pytest.mark.parametrize("method", METHODS)
def test_the_smallest_maps_are_decoded(method: str) -> None:
    tiny = np.random.default_rng(0).uniform(0.1, 1, (1, 9, 3, 2)).astype(np.float32)
    same({"name": "keypoints", "method": method}, {"heatmap": tiny})
    same({"name": "keypoints", "method": method}, {"heatmap": tiny[:, :, :1, :1]})


def test_flat_maps_take_no_step() -> None:
    flat = np.full((1, 2, 9, 9), 0.5, np.float32)
    for method in METHODS:
        same({"name": "keypoints", "method": method}, {"heatmap": flat})


def test_maps_that_are_mostly_empty_are_decoded() -> None:
    """The logarithm meets its floor there."""
    draw = np.random.default_rng(4)
    sparse = draw.uniform(size=(1, 40, 12, 14)) * (draw.uniform(size=(1, 40, 12, 14)) > 0.8)
    for method in METHODS:
        found = same({"name": "keypoints", "method": method}, {"heatmap": sparse.astype("f4")})
        assert found.outputs["keypoints"].max <= ROUNDING


def test_real_heatmaps_are_decoded(reference: Path) -> None:
    arrays = np.load(reference / "tinypose" / "heatmaps_128x96.npz")
    maps = np.stack([arrays[name] for name in arrays.files if name.endswith(".heatmap")])
    for method in METHODS:
        found = same({"name": "keypoints", "method": method}, {"heatmap": maps})
        assert found.outputs["keypoints"].max <= ROUNDING


@pytest.mark.parametrize("opset", [11, 18])
def test_distributions_of_simcc_are_decoded(opset: int) -> None:
    draw = np.random.default_rng(3)
    heads = {
        "simcc_x": draw.normal(size=(2, 5, 40)).astype(np.float32),
        "simcc_y": draw.normal(size=(2, 5, 60)).astype(np.float32),
    }
    found = same({"name": "simcc", "split_ratio": 2.5}, heads, opset)
    assert found.outputs["keypoints"].max == 0.0


def test_openvino_gives_the_same(tmp_path: Path) -> None:
    runtime = RUNTIMES.get("openvino")
    if runtime.version() is None:
        pytest.skip(f"openvino is not installed: {runtime.install}")
    import onnx

    heads = {"heatmap": spots()}
    decoder = {"name": "keypoints", "method": "quarter"}
    model = decoding(decoder, ports(heads), 17)
    onnx.save(model, tmp_path / "decode.onnx")
    expected = run(model, heads)
    found = runtime.load(tmp_path / "decode.onnx", 1)(heads)
    np.testing.assert_allclose(found["keypoints"], expected["keypoints"], atol=ROUNDING)
    require_same(decoder, heads, found)
