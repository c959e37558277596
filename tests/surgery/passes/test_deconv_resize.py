"""ConvTranspose as a nearest-neighbour Resize and a convolution, where the kernel allows it."""

from __future__ import annotations

import onnx
import pytest

from surgery.passes.registry import PASSES

from .deconvolutions import TOLERANCE, TWICE, UNTOLD, bilinear, layer
from .graphs import difference, operators, passed, refusals


@pytest.mark.parametrize(("factor", "opset"), [(2, 11), (3, 18), (4, 18)])
def test_a_bilinear_kernel_is_a_resize_and_a_convolution(factor: int, opset: int) -> None:
    weight, pads = bilinear(factor), [factor // 2] * 4
    before = layer(weight=weight, strides=[factor] * 2, pads=pads, opset=opset)
    assert refusals(before, "nnapi") == ["ConvTranspose: not among its operators"]
    after, declined = passed(before, "deconv_resize")
    assert not declined
    assert operators(after) == ["Resize", "Conv"]
    assert difference(before, after) < TOLERANCE
    assert refusals(after, "nnapi") == []


@pytest.mark.parametrize("pads", [[0, 0, 0, 0], [5, 0, 3, 6], [1, 2, 0, 3]])
def test_every_padding_is_covered(pads: list[int]) -> None:
    before = layer(weight=bilinear(3), strides=[3, 3], pads=pads)
    after, declined = passed(before, "deconv_resize")
    assert not declined
    assert difference(before, after) < TOLERANCE


def test_a_kernel_that_is_not_made_of_equal_taps_is_declined() -> None:
    _, reason = passed(layer(**TWICE), "deconv_resize")
    assert "its kernel is not made of 2 equal taps" in reason
    nearly = bilinear(2)
    nearly[0, 0, 0, 0] += 1e-5
    _, reason = passed(layer(weight=nearly, **TWICE), "deconv_resize")
    assert "1.8e-05 of the largest weight is left over" in reason


@pytest.mark.parametrize(
    ("model", "reason"),
    [*UNTOLD, (layer((1, 1), strides=[2, 2]), "a kernel of 1 leaves gaps at stride 2")],
)
def test_what_cannot_be_done_is_declined(model: onnx.ModelProto, reason: str) -> None:
    assert reason in str(PASSES.get("deconv_resize").check(model))
