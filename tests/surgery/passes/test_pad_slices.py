"""Pad by reflection, edge, wrapping and negative widths: moved values, so equality to the bit."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from .graphs import difference, graph, node, operators, passed, refusals


def pad(
    widths: list[int],
    mode: str,
    axes: list[int] | None = None,
    size: tuple[int | str, ...] = (5, 6),
) -> onnx.ModelProto:
    weights = {"p": np.array(widths, np.int64), "v": np.float32(2)}
    if axes is not None:
        weights["a"] = np.array(axes, np.int64)
    made = node("Pad", "x p v a" if axes is not None else "x p v", mode=mode)
    return graph([made], {"x": [1, 3, *size]}, weights=weights, opset=19)


@pytest.mark.parametrize(
    ("mode", "target", "reason"),
    [
        ("reflect", "nnapi", "Pad: mode=reflect, takes constant"),
        ("edge", "litert", "Pad: mode=edge, takes constant or reflect"),
        ("wrap", "coreml", "Pad: not among its operators"),
    ],
)
def test_a_target_that_refuses_the_mode_takes_slices(mode: str, target: str, reason: str) -> None:
    before = pad([0, 0, 2, 1, 0, 0, 1, 3], mode)
    assert refusals(before, target) == [reason]
    after, declined = passed(before, "pad_slices")
    assert not declined
    assert set(operators(after)) == {"Slice", "Concat"}
    assert difference(before, after) == 0
    assert refusals(after, target) == []


def test_negative_widths_are_slices_and_the_rest_stays_a_pad() -> None:
    before = pad([0, 0, -1, 2, 0, 0, 1, -2], "constant")
    after, declined = passed(before, "pad_slices")
    assert not declined
    assert operators(after) == ["Slice", "Pad"]
    assert difference(before, after) == 0
    only = pad([0, 0, -1, 0, 0, 0, -1, -2], "constant")
    assert operators(passed(only, "pad_slices")[0]) == ["Slice"]
    assert difference(only, passed(only, "pad_slices")[0]) == 0


def test_axes_may_be_named_from_the_end_and_sizes_of_an_edge_be_open() -> None:
    named = pad([1, 2, 0, 3], "reflect", axes=[-1, 2])
    assert difference(named, passed(named, "pad_slices")[0]) == 0
    sizes = {"height": 4, "width": 5}
    opened = pad([0, 0, 1, 1, 0, 0, 2, 2], "edge", size=("height", "width"))
    after, declined = passed(opened, "pad_slices", sizes)
    assert not declined
    assert difference(opened, after, sizes) == 0


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (pad([0, 0, 1, 1, 0, 0, 1, 1], "constant"), "no Pad in the graph needs it"),
        (pad([0, 0, 1, 0, 0, 0, -1, 0], "edge"), "negative widths with mode 'edge'"),
        (
            pad([0, 0, 1, 0, 0, 0, 0, 0], "reflect", size=("height", 6)),
            "reaches 1 elements into an axis of height",
        ),
        (
            pad([0, 0, 0, 40, 0, 0, 0, 0], "reflect", size=(5, 64)),
            "a reflection of 40 elements would take as many slices",
        ),
    ],
)
def test_what_is_fine_or_cannot_be_done_is_declined(model: onnx.ModelProto, reason: str) -> None:
    assert reason in passed(model, "pad_slices", {"height": 5})[1]
