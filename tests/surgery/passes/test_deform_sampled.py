"""DeformConv in a file as GridSample: held against ONNX Runtime's own kernel."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from surgery.graph.run import run

from .graphs import graph, node, operators, passed


def deform(
    groups: int, group: int, stride: int, dilation: int, mask: bool, bias: bool
) -> onnx.ModelProto:
    generator = np.random.default_rng(0)
    side = (8 + 2 - dilation * 2 - 1) // stride + 1
    weights = {"w": generator.standard_normal((4, 4 // group, 3, 3)).astype(np.float32)}
    inputs = {"x": (2, 4, 8, 8), "o": (2, 18 * groups, side, side)}
    names = ["x", "w", "o", "-", "-"]
    if bias:
        weights["b"], names[3] = generator.standard_normal(4).astype(np.float32), "b"
    if mask:
        inputs["m"], names[4] = (2, 9 * groups, side, side), "m"
    made = node(
        "DeformConv", " ".join(names), kernel_shape=[3, 3], pads=[1] * 4, strides=[stride] * 2,
        dilations=[dilation] * 2, offset_group=groups, group=group,
    )  # fmt: skip
    return graph([made], inputs, weights=weights, opset=19)


@pytest.mark.parametrize(
    ("groups", "group", "stride", "dilation", "mask", "bias"),
    [
        (1, 1, 1, 1, True, True),
        (1, 1, 2, 1, True, False),
        (2, 1, 1, 2, True, True),
        (1, 2, 1, 1, False, True),
        (2, 2, 2, 1, False, False),
    ],
)
def test_offsets_of_several_pixels_give_what_the_kernel_gives(
    groups: int, group: int, stride: int, dilation: int, mask: bool, bias: bool
) -> None:
    model = deform(groups, group, stride, dilation, mask, bias)
    after, reason = passed(model, "deform_sampled")
    assert not reason
    assert "DeformConv" not in operators(after)
    generator = np.random.default_rng(1)
    feeds = {
        value.name: 3 * generator.standard_normal(
            [side.dim_value for side in value.type.tensor_type.shape.dim]
        ).astype(np.float32)
        for value in model.graph.input
    }  # fmt: skip
    expected, found = run(model, feeds)["y"], run(after, feeds)["y"]
    # float32 noise of both: 1.5e-5 at a largest value of 90, over the five forms
    np.testing.assert_allclose(found, expected, atol=1e-6 * np.abs(expected).max() * 3)


def test_open_sizes_are_declined() -> None:
    made = node("DeformConv", "x w o", kernel_shape=[3, 3], pads=[1] * 4)
    model = graph(
        [made], {"x": (1, 4, "h", "w"), "o": (1, 18, "h", "w")}, opset=19,
        weights={"w": np.ones((4, 4, 3, 3), np.float32)},
    )  # fmt: skip
    assert "fix them first" in passed(model, "deform_sampled", {"h": 8, "w": 8})[1]
