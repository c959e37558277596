"""Nearest-neighbour Resize by a whole factor in its plain form."""

from __future__ import annotations

import onnx
import pytest

from .graphs import difference, passed
from .resizes import resize


@pytest.mark.parametrize(
    ("rule", "rounding"),
    [
        ("half_pixel", "round_prefer_floor"),
        ("pytorch_half_pixel", "round_prefer_ceil"),
        ("tf_half_pixel_for_nn", "floor"),
    ],
)
def test_rules_that_repeat_pixels_get_the_plain_form(rule: str, rounding: str) -> None:
    opset = 11 if rule.startswith("tf") else 19
    before = resize((3, 2), mode="nearest", rule=rule, rounding=rounding, opset=opset)
    after, declined = passed(before, "resize_nearest")
    assert not declined
    (made,) = after.graph.node
    stated = {a.name: a.s.decode() for a in made.attribute if a.type == onnx.AttributeProto.STRING}
    assert stated["coordinate_transformation_mode"] == "asymmetric"
    assert stated["nearest_mode"] == "floor"
    assert difference(before, after) == 0


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (
            resize(mode="nearest", rule="asymmetric", rounding="ceil"),
            "asymmetric picks other pixels than the 2 times repeated ones",
        ),
        (resize((1.5, 1), mode="nearest", rule="half_pixel"), "it scales axis 2 by 1.5"),
        (resize(mode="nearest", rule="asymmetric", rounding="floor"), "needs it"),
        (resize(mode="linear", rule="half_pixel"), "needs it"),
    ],
)
def test_what_is_plain_or_another_rule_is_declined(model: onnx.ModelProto, reason: str) -> None:
    assert reason in passed(model, "resize_nearest")[1]
