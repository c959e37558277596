"""A three-dimensional convolution, of a single slice and of several.

Tolerance: the same products, those with zeros left out or added, in another order; outputs are sums
of up to 54 products of about 1, 1e-6 measured.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest

from .graphs import difference, graph, node, operators, passed, refusals


def volume(
    depth: int | str = 1,
    taps: tuple[int, int, int] = (3, 3, 3),
    width: int | str = 7,
    opset: int = 18,
    **attributes: Any,
) -> onnx.ModelProto:
    rng = np.random.default_rng(0)
    weights = {
        "w": rng.normal(size=(6, 2, *taps)).astype(np.float32),
        "b": rng.normal(size=6).astype(np.float32),
    }
    made = node("Conv", "x w b", group=2, **attributes)
    return graph([made], {"x": [1, 4, depth, 6, width]}, weights=weights, opset=opset)


PADDED = [1, 1, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("target", "left"), [("nnapi", ["Squeeze: input of rank 5, takes 1 to 4"]), ("webgpu", [])]
)
def test_a_target_that_takes_four_axes_takes_it_then(target: str, left: list[str]) -> None:
    before = volume(pads=PADDED)
    assert any("Conv: input of rank 5" in reason for reason in refusals(before, target))
    after, declined = passed(before, "conv3d")
    assert not declined
    assert operators(after) == ["Squeeze", "Conv", "Unsqueeze"]
    assert refusals(after, target) == left  # the graph's own input has five axes
    assert difference(before, after) < 2e-6


@pytest.mark.parametrize(
    "model",
    [
        volume(taps=(1, 3, 3), strides=[1, 2, 1]),
        volume(pads=[2, 1, 0, 2, 0, 1], dilations=[2, 1, 2]),
        volume(pads=PADDED, opset=11),
        volume(pads=[0, 1, 1, 2, 1, 1]),  # the first tap meets the slice
    ],
)
def test_the_tap_that_meets_the_slice_counts(model: onnx.ModelProto) -> None:
    after, declined = passed(model, "conv3d")
    assert not declined
    assert difference(model, after) < 2e-6


@pytest.mark.parametrize(
    "model",
    [
        volume(depth=5, pads=PADDED),
        volume(depth=5, strides=[2, 1, 2], pads=[2, 1, 0, 1, 1, 0]),
        volume(depth=7, dilations=[2, 1, 1], pads=[1, 1, 1, 3, 1, 1]),
        volume(depth=4, taps=(4, 3, 3)),  # one slice is left
        volume(depth=2, pads=PADDED, opset=11),
        volume(pads=[2, 1, 1, 2, 1, 1]),  # three slices out of one
    ],
)
def test_slices_become_channels(model: onnx.ModelProto) -> None:
    after, declined = passed(model, "conv3d")
    assert not declined
    assert operators(after) == ["Reshape", "Conv", "Reshape"]
    assert difference(model, after) < 3e-6


def test_a_target_without_five_axes_takes_a_volume_as_channels() -> None:
    before = volume(depth=5, pads=PADDED)
    assert any("Conv: input of rank 5" in reason for reason in refusals(before, "webgpu"))
    after, _ = passed(before, "conv3d")
    assert not any("Conv" in reason for reason in refusals(after, "webgpu"))


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (volume(depth="d", pads=PADDED), "its depth is not known"),
        (volume(depth=5, width="w", pads=PADDED), "its height or width is not known"),
        (volume(depth=5, auto_pad="SAME_UPPER"), "automatic padding"),
        (volume(depth=1200, pads=PADDED), "a kernel over 1200 slices would take more than 256 MB"),
    ],
)
def test_what_cannot_be_known_or_held_is_declined(model: onnx.ModelProto, reason: str) -> None:
    assert reason in passed(model, "conv3d", {"d": 3, "w": 7})[1]
