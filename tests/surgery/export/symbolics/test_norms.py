"""Layer, group and instance norms in ordinary operators.

Tolerance: float32 rounding of 96 values of size 9 and their squares, measured at 1.2e-6.
"""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from .cases import EXPORTERS, OPEN, difference, export, image, operators, refused

SCALE, SHIFT = torch.linspace(0.5, 2, 8), torch.linspace(-1, 1, 8)
LAYER = [
    lambda x: functional.layer_norm(x.transpose(1, 3), (8,), SCALE, SHIFT),
    lambda x: functional.layer_norm(x, (8, 8, 12)),
]
GROUP = [
    lambda x: functional.group_norm(x, 2, SCALE, SHIFT),
    lambda x: functional.group_norm(x, 4, eps=0.1),
]
INSTANCE = [
    lambda x: functional.instance_norm(x, weight=SCALE, bias=SHIFT),
    lambda x: functional.instance_norm(x, SHIFT, SCALE, use_input_stats=False, eps=0.1),
]
DECOMPOSED = ["layer_norm.decomposed", "group_norm.decomposed", "instance_norm.decomposed"]
ORDINARY = {"ReduceMean", "Sub", "Mul", "Add", "Sqrt", "Div", "Reshape", "Transpose"}
TOLERANCE = 4e-6


def test_without_it_nnapi_refuses_every_norm() -> None:
    functions = [*LAYER, *GROUP, *INSTANCE]
    without = refused(export(functions, []), "nnapi")
    assert without >= {"LayerNormalization", "InstanceNormalization"}
    assert not refused(export(functions, DECOMPOSED), "nnapi")


def test_without_it_webgpu_and_ncnn_refuse_the_group_norm_of_new_opsets() -> None:
    model = export(GROUP, [], exporter="dynamo", opset=21)
    assert "GroupNormalization" in refused(model, "webgpu") & refused(model, "ncnn")


@pytest.mark.parametrize(("exporter", "opset"), [*zip(EXPORTERS, (21, 17), strict=True)])
def test_they_compute_what_torch_does(exporter: str, opset: int) -> None:
    functions = [*LAYER, *GROUP, *INSTANCE]
    model = export(functions, DECOMPOSED, exporter=exporter, opset=opset)
    assert operators(model) <= ORDINARY
    assert difference(model, functions) < TOLERANCE


def test_a_large_mean_costs_no_digits() -> None:
    x = image() + 1000
    model = export(LAYER[1:], DECOMPOSED, example=x)
    assert difference(model, LAYER[1:], x) < 1e-4  # x itself is rounded to 6e-5


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_open_sizes_stay_open(exporter: str) -> None:
    functions = [*GROUP, INSTANCE[0]]
    model = export(functions, DECOMPOSED, exporter=exporter, opset=18, dynamic=OPEN)
    assert difference(model, functions, image(3, 8, 6, 20)) < TOLERANCE
