"""ConvTranspose as convolutions whose outputs are interleaved by Concat and Reshape."""

from __future__ import annotations

import onnx
import pytest

from surgery.passes.registry import PASSES

from .deconvolutions import GEOMETRIES, TOLERANCE, TWICE, UNTOLD, layer
from .graphs import difference, operators, passed, refusals


def test_a_target_that_refuses_the_layer_takes_the_new_form() -> None:
    before = layer(**TWICE)
    assert refusals(before, "nnapi") == ["ConvTranspose: not among its operators"]
    after, declined = passed(before, "deconv_interleave")
    assert not declined
    assert set(operators(after)) == {"Conv", "Concat", "Reshape"}
    assert refusals(after, "nnapi") == []
    assert difference(before, after) < TOLERANCE


@pytest.mark.parametrize("model", GEOMETRIES)
def test_every_geometry_computes_the_same(model: onnx.ModelProto) -> None:
    after, declined = passed(model, "deconv_interleave")
    assert not declined
    assert difference(model, after) < TOLERANCE


@pytest.mark.parametrize(
    "model",
    [
        layer((3, 4), strides=[1, 2]),
        layer((4,), strides=[2], size=(7,)),
        layer((2,), strides=[2], size=("length",), groups=1),
    ],
)
def test_what_depth_to_space_cannot_do_is_interleaved(model: onnx.ModelProto) -> None:
    after, declined = passed(model, "deconv_interleave", {"length": 5})
    assert not declined
    assert difference(model, after, {"length": 5}) < TOLERANCE


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        *UNTOLD,
        (layer(size=("height", 6), **TWICE), "its input's height is not known"),
        (layer((2, 2, 2), strides=[2, 2, 2], size=(2, 2, 2)), "this layer has 3"),
    ],
)
def test_what_cannot_be_done_is_declined(model: onnx.ModelProto, reason: str) -> None:
    assert reason in str(PASSES.get("deconv_interleave").check(model))
