"""A three-dimensional convolution of a single slice.

Tolerance: the same products without those with zeros, in another order; 3e-7 measured.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest

from .graphs import difference, graph, node, operators, passed, refusals


def volume(
    depth: int = 1, taps: tuple[int, int, int] = (3, 3, 3), opset: int = 18, **attributes: Any
) -> onnx.ModelProto:
    rng = np.random.default_rng(0)
    weights = {
        "w": rng.normal(size=(6, 2, *taps)).astype(np.float32),
        "b": rng.normal(size=6).astype(np.float32),
    }
    made = node("Conv", "x w b", group=2, **attributes)
    return graph([made], {"x": [1, 4, depth, 6, 7]}, weights=weights, opset=opset)


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
    ("model", "reason"),
    [
        (volume(depth=2, pads=PADDED), "a depth of 2, expected 1 before and after"),
        (volume(pads=[2, 1, 1, 2, 1, 1]), "a depth of 1, expected 1 before and after"),
        (volume(pads=PADDED, dilations=[2, 1, 1], depth=3), "a depth of 3"),
    ],
)
def test_true_volumes_are_declined(model: onnx.ModelProto, reason: str) -> None:
    assert reason in passed(model, "conv3d")[1]
