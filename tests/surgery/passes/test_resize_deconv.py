"""Nearest and linear Resize as a depthwise ConvTranspose."""

from __future__ import annotations

import onnx
import pytest

from .graphs import difference, operators, passed, refusals
from .resizes import TOLERANCE, resize


@pytest.mark.parametrize("target", ["xnnpack", "portable"])
def test_a_target_that_refuses_nearest_takes_the_transposed_convolution(target: str) -> None:
    before = resize(mode="nearest", rule="asymmetric", rounding="floor")
    assert any(reason.startswith("Resize: ") for reason in refusals(before, target))
    after, declined = passed(before, "resize_deconv")
    assert not declined
    assert operators(after) == ["ConvTranspose"]
    assert difference(before, after) == 0
    assert refusals(after, target) == []


@pytest.mark.parametrize("rule", ["half_pixel", "pytorch_half_pixel", "asymmetric"])
@pytest.mark.parametrize("scales", [(2, 2), (3, 1), (4, 2)])
def test_linear_interpolation_is_a_transposed_convolution(
    rule: str, scales: tuple[float, float]
) -> None:
    before = resize(scales, mode="linear", rule=rule)
    after, declined = passed(before, "resize_deconv")
    assert not declined
    assert operators(after)[-1] == "ConvTranspose"
    assert difference(before, after) < TOLERANCE


def test_height_and_width_may_stay_open() -> None:
    before = resize(mode="linear", rule="half_pixel", shape=("n", 3, "h", "w"))
    sizes = {"n": 2, "h": 3, "w": 7}
    after, declined = passed(before, "resize_deconv", sizes)
    assert not declined
    assert difference(before, after, sizes) < TOLERANCE


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (
            resize(mode="linear", rule="align_corners"),
            "the weights of align_corners differ from pixel to pixel",
        ),
        (resize(mode="cubic", rule="half_pixel"), "cubic interpolation"),
        (resize((1.5, 2), mode="linear", rule="half_pixel"), "it scales axis 2 by 1.5"),
        (
            resize(mode="nearest", rule="asymmetric", rounding="ceil"),
            "asymmetric picks other pixels than the 2 times repeated ones",
        ),
    ],
)
def test_what_cannot_be_done_exactly_is_declined(model: onnx.ModelProto, reason: str) -> None:
    assert reason in passed(model, "resize_deconv")[1]
