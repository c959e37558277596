"""Pixel shuffles over six axes as one operator: values are moved, so equality to the bit."""

from __future__ import annotations

import onnx
import pytest
import torch
from torch import Tensor, nn

from surgery.export.export import export_onnx

from .graphs import difference, operators, passed
from .transposed import chain, ranks

CRD = chain((1, 12, 4, 5), (1, 3, 2, 2, 4, 5), (0, 1, 4, 2, 5, 3), (1, 3, 8, 10))
DCR = chain((1, 12, 4, 5), (1, 2, 2, 3, 4, 5), (0, 3, 4, 1, 5, 2), (1, 3, 8, 10))
DEPTH = chain((1, 3, 4, 6), (1, 3, 2, 2, 3, 2), (0, 3, 5, 1, 2, 4), (1, 12, 2, 3))
UNSHUFFLE = chain((1, 3, 4, 6), (1, 3, 2, 2, 2, 3), (0, 1, 3, 5, 2, 4), (1, 18, 2, 2))


@pytest.mark.parametrize(
    ("model", "expected"),
    [(CRD, "DepthToSpace"), (DCR, "DepthToSpace"), (DEPTH, "SpaceToDepth"), (UNSHUFFLE, "Conv")],
)
def test_six_axes_are_one_operator(model: onnx.ModelProto, expected: str) -> None:
    assert ranks(model) == 6
    for name in ("fold", "slim"):  # no library does it
        assert ranks(passed(model, name)[0]) == 6
    after, declined = passed(model, "pixel_shuffle")
    assert not declined
    assert operators(after) == [expected]
    assert difference(model, after) == 0


class Unshuffled(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.pixel_unshuffle(x, 2)


@pytest.mark.parametrize("exporter", ["dynamo", "torchscript"])
def test_pytorchs_pixel_unshuffle_comes_out_in_four_axes(exporter: str) -> None:
    before = export_onnx(
        Unshuffled().eval(), (torch.randn(1, 3, 4, 6),), input_names=["x"], output_names=["y"],
        exporter=exporter,
    )  # fmt: skip
    folded, _ = passed(before, "fold")
    assert ranks(folded) == 6
    after, declined = passed(folded, "pixel_shuffle")
    assert not declined
    assert ranks(after) == 4
    assert difference(before, after) == 0


def test_the_batch_may_be_open() -> None:
    model = chain(("n", 12, 4, 5), (-1, 3, 2, 2, 4, 5), (0, 1, 4, 2, 5, 3), (-1, 3, 8, 10))
    after, declined = passed(model, "pixel_shuffle", {"n": 2})
    assert not declined
    assert difference(model, after, {"n": 2}) == 0


def test_two_different_factors_are_declined() -> None:
    model = chain((1, 18, 4, 5), (1, 3, 2, 3, 4, 5), (0, 1, 4, 2, 5, 3), (1, 3, 8, 15))
    assert "DepthToSpace takes one factor, got 2 and 3" in passed(model, "pixel_shuffle")[1]


def test_other_transposes_over_six_axes_are_left_alone() -> None:
    model = chain((1, 12, 4, 5), (1, 3, 2, 2, 4, 5), (0, 2, 1, 3, 4, 5), (1, 12, 4, 5))
    assert passed(model, "pixel_shuffle")[1] == "no Reshape in the graph needs it"
