"""DepthToSpace as a transposed convolution: values are moved, so equality to the bit."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from .graphs import difference, graph, node, operators, passed, refusals


def alone(mode: str, channels: int | str = 18) -> onnx.ModelProto:
    made = node("DepthToSpace", "x", blocksize=3, mode=mode)
    return graph([made], {"x": [2, channels, 3, 4]})


@pytest.mark.parametrize("target", ["xnnpack", "ncnn", "portable"])
@pytest.mark.parametrize("mode", ["CRD", "DCR"])
def test_a_target_that_refuses_it_takes_the_transposed_convolution(mode: str, target: str) -> None:
    before = alone(mode)
    assert refusals(before, target) == ["DepthToSpace: not among its operators"]
    after, declined = passed(before, "depth_to_space_deconv")
    assert not declined
    assert operators(after) == ["ConvTranspose"]
    assert refusals(after, target) == []
    assert difference(before, after) == 0


def test_channels_that_lie_apart_are_put_in_order_by_the_convolution_that_makes_them() -> None:
    weight = np.random.default_rng(0).normal(size=(8, 4, 1, 1)).astype(np.float32)
    nodes = [node("Conv", "x w", "t"), node("DepthToSpace", "t", blocksize=2)]
    before = graph(nodes, {"x": [2, 4, 3, 3]}, weights={"w": weight})
    after, _ = passed(before, "depth_to_space_deconv")
    assert operators(after) == ["Conv", "ConvTranspose"]
    assert [a.i for a in after.graph.node[1].attribute if a.name == "group"] == [2]
    assert difference(before, after) < 1e-6


def test_open_channels_are_declined() -> None:
    assert (
        "channels is not known" in passed(alone("CRD", "c"), "depth_to_space_deconv", {"c": 9})[1]
    )
