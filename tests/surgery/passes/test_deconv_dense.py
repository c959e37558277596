"""A grouped ConvTranspose as an ungrouped one: zeros added, so equality to the bit."""

from __future__ import annotations

from dataclasses import replace

import onnx
import pytest

from surgery.targets import Rule
from surgery.targets.registry import load_target

from .deconvolutions import GEOMETRIES, TWICE, layer
from .graphs import difference, graph, node, operators, passed, refusals


def test_a_target_that_takes_no_groups_takes_the_dense_layer() -> None:
    portable = load_target("portable")
    ungrouped = {**(portable.operators or {}), "ConvTranspose": Rule(attributes={"group": (1,)})}
    target = replace(portable, operators=ungrouped)
    before = layer(**TWICE)
    assert refusals(before, target) == ["ConvTranspose: group=4, takes 1"]
    after, declined = passed(before, "deconv_dense")
    assert not declined
    assert operators(after) == ["ConvTranspose"]
    assert refusals(after, target) == []


@pytest.mark.parametrize("model", GEOMETRIES)
def test_every_geometry_computes_the_same(model: onnx.ModelProto) -> None:
    after, declined = passed(model, "deconv_dense")
    assert not declined
    assert difference(model, after) == 0


def test_a_layer_without_groups_is_dense_already() -> None:
    _, reason = passed(layer(groups=1, **TWICE), "deconv_dense")
    assert reason == "no ConvTranspose in the graph needs it"


def test_a_computed_weight_is_declined() -> None:
    made = node("ConvTranspose", "x w", group=4)
    model = graph([made], {"x": [1, 4, 3, 3], "w": [4, 1, 2, 2]})
    assert "its weight is no constant" in passed(model, "deconv_dense")[1]
