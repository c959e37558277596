"""Resize of any mode as a product with matrices."""

from __future__ import annotations

import onnx
import pytest

from .graphs import difference, operators, passed, refusals
from .resizes import TOLERANCE, resize


@pytest.mark.parametrize(
    "model",
    [
        resize(mode="cubic", rule="half_pixel"),
        resize(mode="cubic", rule="align_corners", cubic_coeff_a=-0.5, exclude_outside=1),
        resize((1.5, 2.5), mode="linear", rule="align_corners"),
        resize((0.5, 0.5), mode="linear", rule="half_pixel", antialias=1),
        resize((0.5, 0.5), mode="cubic", rule="half_pixel", sizes=(3, 2)),
        resize(mode="nearest", rule="half_pixel", rounding="ceil"),
        resize((1.5, 1), mode="nearest", rule="asymmetric", rounding="floor", opset=11),
    ],
)
def test_every_mode_is_a_product_of_matrices(model: onnx.ModelProto) -> None:
    after, declined = passed(model, "resize_matmul")
    assert not declined
    assert set(operators(after)) == {"MatMul"}
    assert difference(model, after) < TOLERANCE


def test_a_target_refuses_cubic_and_its_matrices_are_no_resize() -> None:
    before = resize(mode="cubic", rule="half_pixel")
    assert refusals(before, "xnnpack") == ["Resize: mode=cubic, takes linear"]
    assert "Resize" not in operators(passed(before, "resize_matmul")[0])


def test_an_axis_that_does_not_change_takes_no_product() -> None:
    after, _ = passed(resize((1, 2), mode="cubic", rule="half_pixel"), "resize_matmul")
    assert operators(after) == ["MatMul"]


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (
            resize(mode="linear", rule="half_pixel", shape=(2, 3, "h", 6)),
            "its input's height or width is not known",
        ),
        (resize((1, 1), mode="linear"), "no Resize in the graph needs it"),
    ],
)
def test_what_cannot_or_need_not_be_done_is_declined(model: onnx.ModelProto, reason: str) -> None:
    assert reason in passed(model, "resize_matmul", {"h": 5})[1]
