"""``torch.roll``: a shift beyond the axis comes out wrong today, one without axes not at all."""

from __future__ import annotations

import pytest
import torch

from postprocess.errors import InputError

from .cases import EXPORTERS, difference, export, image, operators

BEYOND = [lambda x: torch.roll(x, (10, -15), (2, -1))]
WITHIN = [lambda x: torch.roll(x, (3, -2), (-2, 3)), lambda x: torch.roll(x, 0, 2)]
FLAT = [lambda x: torch.roll(x, 5), lambda x: torch.roll(x, -5000)]


def test_without_it_torchscript_rolls_elsewhere_and_dynamo_is_named_as_the_way_out() -> None:
    assert difference(export(BEYOND, [], verify=False), BEYOND) > 1
    with pytest.raises(InputError, match=r"'y0' .* differs .* try surgery.exporter=dynamo, which"):
        export(BEYOND, [])


def test_without_it_torchscript_cannot_roll_a_flattened_tensor() -> None:
    with pytest.raises(InputError, match="AssertionError"):
        export(FLAT, [])


@pytest.mark.parametrize(("exporter", "opset"), [*zip(EXPORTERS, (18, 11), strict=True)])
def test_it_rolls_as_torch_does(exporter: str, opset: int) -> None:
    functions = [*BEYOND, *WITHIN, *FLAT]
    model = export(functions, ["roll"], exporter=exporter, opset=opset)
    assert difference(model, functions) == 0


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_open_sizes_stay_open_whatever_the_shift(exporter: str) -> None:
    functions = [lambda x: torch.roll(x, 10, 2)]
    model = export(functions, ["roll"], exporter=exporter, opset=18, dynamic={"x": {2: "height"}})
    for height in (3, 9, 24):
        assert difference(model, functions, image(2, 8, height, 12)) == 0


def test_a_shift_within_a_known_axis_needs_no_shape() -> None:
    assert operators(export(WITHIN, ["roll"])) == {"Slice", "Concat", "Identity"}
