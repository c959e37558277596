"""DepthToSpace CRD as DCR: values change places, so equality to the bit without a convolution.

Tolerance behind a convolution: ONNX Runtime may sum 24 products in another order; 0 measured.
"""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from surgery.export.export import export_onnx

from .graphs import difference, graph, node, operators, passed, refusals


@pytest.mark.parametrize("exporter", ["dynamo", "torchscript"])
def test_pytorchs_pixel_shuffle_is_refused_and_then_taken(exporter: str) -> None:
    net = nn.Sequential(nn.Conv2d(4, 8, 3), nn.PixelShuffle(2)).eval()
    before = export_onnx(
        net, (torch.randn(1, 4, 6, 6),), input_names=["x"], output_names=["y"], exporter=exporter
    )
    assert refusals(before, "nnapi") == ["DepthToSpace: mode=CRD, takes DCR"]
    after, declined = passed(before, "depth_to_space")
    assert not declined
    assert operators(after) == ["Conv", "DepthToSpace"]
    assert refusals(after, "nnapi") == []
    assert difference(before, after) < 1e-6


def shuffle(
    *, groups: int = 1, read_twice: bool = False, channels: int | str = 8
) -> onnx.ModelProto:
    rng = np.random.default_rng(0)
    weight = rng.normal(size=(8, 4 // groups, 1, 1)).astype(np.float32)
    return graph(
        [
            node("Conv", "x w", "t", group=groups),
            node("DepthToSpace", "t", blocksize=2, mode="CRD"),
        ],
        {"x": [2, 4, 3, 3]},
        ("y", "t") if read_twice else ("y",),
        {"w": weight},
    )


@pytest.mark.parametrize("model", [shuffle(groups=2), shuffle(read_twice=True)])
def test_a_convolution_that_cannot_be_reordered_is_followed_by_a_gather(
    model: onnx.ModelProto,
) -> None:
    after, declined = passed(model, "depth_to_space")
    assert not declined
    assert operators(after) == ["Conv", "Gather", "DepthToSpace"]
    assert difference(model, after) == 0


def test_the_other_mode_stays_and_open_channels_are_declined() -> None:
    plain = graph([node("DepthToSpace", "x", blocksize=2)], {"x": [1, 8, 3, 3]})
    assert passed(plain, "depth_to_space")[1] == "no DepthToSpace in the graph needs it"
    opened = graph([node("DepthToSpace", "x", blocksize=2, mode="CRD")], {"x": [1, "c", 3, 3]})
    assert "channels is not known" in passed(opened, "depth_to_space", {"c": 4})[1]
