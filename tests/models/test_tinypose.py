"""PP-TinyPose in torch gives the heatmaps that ncnn gives with the published weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from models.errors import CheckpointError, ModelError
from models.layers.lite_hrnet import FusionModule, channel_shuffle
from models.tinypose import KEYPOINTS, SKELETON, TinyPose, plugin

SIZES = ["128x96", "256x192"]
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)


def photos(reference: Path, size: str) -> dict[str, tuple[Tensor, np.ndarray]]:
    """Name -> input (1, 3, H, W) normalised, and ncnn's heatmaps (17, H/4, W/4)."""
    with np.load(reference / "tinypose" / f"heatmaps_{size}.npz") as arrays:
        content = dict(arrays)
    names = [key.removesuffix(".crop") for key in content if key.endswith(".crop")]
    assert names
    pairs = {}
    for name in names:
        rgb = content[f"{name}.crop"][:, :, ::-1].astype(np.float32)
        image = np.ascontiguousarray(((rgb / 255 - MEAN) / STD).transpose(2, 0, 1)[None])
        pairs[name] = (torch.from_numpy(image), content[f"{name}.heatmap"])
    return pairs


@pytest.mark.parametrize("size", SIZES)
def test_heatmaps_of_every_photo_are_those_of_ncnn(reference: Path, size: str) -> None:
    network = plugin.build({})
    assert plugin.load(network, reference / "tinypose" / f"tinypose_{size}.param") == []
    for name, (image, expected) in photos(reference, size).items():
        with torch.inference_mode():
            heatmap = network(image)[0].numpy()
        assert heatmap.shape == expected.shape
        assert np.abs(heatmap - expected).max() <= 1e-4, name
        assert expected.max() > 0.5, name  # a peak is there to be found


def test_parameters_have_paddle_s_names_and_number() -> None:
    network = plugin.build({})
    names = set(network.state_dict())
    for name in (
        "backbone.stem.conv1.conv.weight",
        "backbone.stem.branch1.1.norm.running_mean",
        "backbone.transition0.0.2.weight",
        "backbone.transition1.2.0.3.bias",
        "backbone.stage0.1.layers.1.0.branch2.2.conv.weight",
        "backbone.stage2.0.fuse_layers.3.0.2.2.weight",
        "backbone.stage1.3.fuse_layers.0.2.0.weight",
        "backbone.head_layer.projects.3.pointwise_conv.norm.weight",
        "final_conv.bias",
    ):
        assert name in names
    # PaddleDetection's table says 1.32 M for both sizes
    assert sum(parameter.numel() for parameter in network.parameters()) == 1_318_625


def test_the_graph_takes_the_image_and_gives_the_heatmap() -> None:
    network = plugin.build({})
    (graph,) = plugin.graphs(network, {})
    assert graph.name == "backbone"
    assert [port.name for port in graph.inputs] == ["image"]
    assert graph.outputs[0].shape[:2] == ("batch", 17)
    with torch.inference_mode():
        (heatmap,) = graph.module(torch.zeros(2, 3, 128, 96))
    assert heatmap.shape == (2, 17, 32, 24)


def test_channel_shuffle_interleaves_the_halves() -> None:
    x = torch.arange(6.0).reshape(1, 6, 1, 1)
    assert channel_shuffle(x).flatten().tolist() == [0, 3, 1, 4, 2, 5]


def test_coarser_branches_receive_the_finest_one_after_its_fusion() -> None:
    torch.manual_seed(0)
    module = FusionModule((4, 8)).eval()
    fine, coarse = torch.randn(1, 4, 8, 8), torch.randn(1, 8, 4, 4)
    with torch.inference_mode():
        first, second = module([fine, coarse])
        units = [layer(x) for layer, x in zip(module.layers, (fine, coarse), strict=True)]
        up, down = module.fuse_layers[0][1], module.fuse_layers[1][0]
        fused = 2 * units[0] + up(units[1])
        torch.testing.assert_close(first, fused.relu())
        torch.testing.assert_close(second, (2 * down(fused) + units[1]).relu())


def test_skeleton_joins_named_keypoints() -> None:
    assert len(KEYPOINTS) == 17
    assert len(SKELETON) == 19
    assert {index for pair in SKELETON for index in pair} == set(range(17))
    assert plugin.classes({}) == ["person"]


def test_a_checkpoint_under_the_network_s_own_names_loads(tmp_path: Path) -> None:
    torch.manual_seed(0)
    source, target = plugin.build({}), plugin.build({})
    torch.save(source.state_dict(), tmp_path / "own.pth")
    assert plugin.load(target, tmp_path / "own.pth") == []
    assert torch.equal(target.final_conv.weight, source.final_conv.weight)


def test_an_onnx_file_is_sent_to_its_importer(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="is an ONNX graph"):
        plugin.load(plugin.build({}), tmp_path / "model.onnx")


@pytest.mark.parametrize(
    "change", [{"widths": [40, 80, 160]}, {"stem": 31}, {"widths": [41, 80, 160, 320]}]
)
def test_a_wrong_configuration_is_one_line_that_names_it(change: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="must be even numbers, 4 widths") as caught:
        plugin.build(change)
    assert "\n" not in str(caught.value)


def test_gradients_reach_every_parameter() -> None:
    network = TinyPose().train()
    network(torch.randn(2, 3, 64, 64)).square().sum().backward()
    unreached = [name for name, p in network.named_parameters() if p.grad is None]
    assert unreached == []
