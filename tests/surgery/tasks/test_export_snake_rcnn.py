"""Component detection through the main job: its second learned graph and what the bundle finds.

No output of the authors' own run is at hand for this network, and no weights: it is made narrow,
with random weights, and the bundle is held against the same network in torch.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
import torch

from surgery.network.load import load_model
from surgery.tasks.export import run

SMALL = (
    "model=snake_rcnn_cityscapes",
    "weights=random",
    "model.channels=[8,8,8,16,16,16]",
    "model.head_conv=8",
    "model.component_width=8",
    "model.state_dim=8",
    "model.fusion_dim=16",
    "model.points=32",
    "model.k=20",
    "model.align_corners=true",
    "input.size=[64,96]",
    "surgery.dcn=native",
    "surgery.compare=[]",
)


@pytest.mark.parametrize("exporter", ["dynamo", "torchscript"])
def test_the_bundle_gives_what_the_network_in_torch_gives(
    exporter: str, compose: Any, tmp_path: Path
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "image.png"), cv2.GaussianBlur(pixels, (0, 0), 3))
    overrides = (*SMALL, f"image={tmp_path / 'image.png'}", f"surgery.exporter={exporter}")
    config = compose(*overrides, f"out={tmp_path / 'out'}")
    run(config)
    golden = np.load(tmp_path / "out" / "golden.npz")
    with torch.inference_mode():
        theirs = load_model(config).module(torch.from_numpy(golden["input"]))
    order = theirs["detection"][:, 4].argsort(descending=True, stable=True)
    assert len(order) > 0
    # float32 rounding of heads of about 1, through boxes and convolutions
    np.testing.assert_allclose(golden["detection"], theirs["detection"][order], atol=1e-3)
    assert golden["cp_box"].shape == theirs["cp_box"].shape
    owner = theirs["cp_ind"]
    rows = torch.cat([(owner == each).nonzero().squeeze(1) for each in order])
    np.testing.assert_allclose(golden["py.2"], theirs["py"][2][rows], atol=1e-3)
    graph = onnx.load(tmp_path / "out" / "refine.onnx").graph
    shapes = {
        value.name: [side.dim_value for side in value.type.tensor_type.shape.dim][1:]
        for value in (*graph.input, *graph.output)
    }
    assert shapes["component_features"] == [8, 7, 28]
    assert shapes["component_maps"] == [3, 14, 56]
