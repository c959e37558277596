"""ConvTranspose as convolutions and DepthToSpace."""

from __future__ import annotations

import onnx
import pytest

from surgery.passes.registry import PASSES

from .deconvolutions import GEOMETRIES, TOLERANCE, TWICE, UNTOLD, layer
from .graphs import difference, operators, passed, refusals


def test_a_target_that_refuses_the_layer_takes_the_new_form() -> None:
    before = layer(**TWICE)
    assert refusals(before, "nnapi") == ["ConvTranspose: not among its operators"]
    after, declined = passed(before, "deconv_shuffle")
    assert not declined
    assert refusals(after, "nnapi") == []
    assert difference(before, after) < TOLERANCE


@pytest.mark.parametrize("model", GEOMETRIES)
def test_every_geometry_computes_the_same(model: onnx.ModelProto) -> None:
    after, declined = passed(model, "deconv_shuffle")
    assert not declined
    assert difference(model, after) < TOLERANCE


def test_an_ungrouped_layer_whose_phases_see_the_same_is_one_convolution() -> None:
    before = layer((2, 2), groups=1, strides=[2, 2])
    after, _ = passed(before, "deconv_shuffle")
    assert operators(after) == ["Conv", "DepthToSpace"]
    assert difference(before, after) < TOLERANCE


def test_a_layer_without_stride_is_a_convolution() -> None:
    before = layer((3, 3), pads=[1, 0, 0, 2])
    after, _ = passed(before, "deconv_shuffle")
    assert operators(after) == ["Conv"]
    assert difference(before, after) < TOLERANCE


def test_sizes_may_stay_open() -> None:
    before = layer(size=("height", "width"), **TWICE)
    for height, width in ((3, 7), (8, 2)):
        sizes = {"height": height, "width": width}
        after, declined = passed(before, "deconv_shuffle", sizes)
        assert not declined
        assert difference(before, after, sizes) < TOLERANCE


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        *UNTOLD,
        (layer((3, 4), strides=[1, 2]), "DepthToSpace takes one stride, got 1 and 2"),
        (layer((4,), strides=[2], size=(7,)), "DepthToSpace takes two axes, this layer has 1"),
    ],
)
def test_what_cannot_be_done_is_declined(model: onnx.ModelProto, reason: str) -> None:
    assert reason in str(PASSES.get("deconv_shuffle").check(model))
