"""Activations in operators that targets have: GELU, HardSigmoid, HardSwish, Mish.

Tolerance: three roundings of float32 values up to 12.
"""

from __future__ import annotations

import pytest
import torch
from onnx import version_converter
from torch.nn import functional

from surgery.passes.clip_bounds import CLIP_BOUNDS

from .cases import EXPORTERS, difference, export, image, operators, refused

GELU = [functional.gelu, lambda x: functional.gelu(x, approximate="tanh")]
HARD = [functional.hardsigmoid, functional.hardswish]
ALL = [*GELU, *HARD, functional.mish]
DECOMPOSED = [f"{name}.decomposed" for name in ("gelu", "hardsigmoid", "hardswish", "mish")]
TOLERANCE = 2e-6


@pytest.mark.parametrize("name", ["HardSwish", "Mish"])
def test_without_it_the_way_to_old_opsets_is_closed(name: str) -> None:
    function = getattr(functional, name.lower())
    new = export([function], [], exporter="dynamo", opset=18)
    with pytest.raises(RuntimeError, match=f"No Previous Version of {name}"):
        version_converter.convert_version(new, 13)
    model = export([function], [name.lower()], exporter="dynamo", opset=13)
    assert difference(model, [function]) < TOLERANCE


def test_without_it_nnapi_refuses_every_one() -> None:
    model = export(ALL, [], exporter="dynamo", opset=20)
    assert refused(model, "nnapi") == {"Gelu", "HardSigmoid", "HardSwish", "Mish"}
    assert refused(export(GELU, []), "nnapi") == refused(export(GELU, []), "qnn") == {"Erf"}


@pytest.mark.parametrize(("exporter", "opset"), [*zip(EXPORTERS, (20, 11), strict=True)])
def test_they_compute_what_torch_does_and_nnapi_takes_them(exporter: str, opset: int) -> None:
    model = export(ALL, DECOMPOSED, exporter=exporter, opset=opset)
    assert refused(model, "nnapi") == {"Clip"}  # of bounds other than [0, 6] and [-1, 1]
    model = CLIP_BOUNDS.apply(model)
    assert not refused(model, "nnapi")
    assert difference(model, ALL) < TOLERANCE


def test_they_hold_far_out() -> None:
    x = torch.tensor([-1e4, -200.0, -90.0, -20.0, -0.0, 0.0, 20.0, 90.0, 200.0, 1e4])
    model = export(ALL, DECOMPOSED, example=x)
    assert difference(model, ALL, x) < 1e-30


def test_gelu_is_as_close_to_the_function_as_torch_is() -> None:
    x = torch.linspace(-10, 10, 20_001)
    model = export(GELU[:1], DECOMPOSED, example=x)
    exact = [lambda x: functional.gelu(x.double())]
    assert difference(model, exact, x) < 4e-7


def test_the_one_that_is_asked_for_takes_over_from_the_default() -> None:
    model = export([functional.hardswish], ["hardswish.decomposed", "hardswish"], opset=13)
    assert operators(model) == {"Add", "Clip", "Mul"}
    assert difference(model, [functional.hardswish], image()) < TOLERANCE
