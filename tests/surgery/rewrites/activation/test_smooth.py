"""The activations that are known, computed in float64 as their modules do."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from surgery.rewrites.activation.smooth import smooth


@pytest.mark.parametrize(
    "module", [nn.SiLU(), nn.Hardswish(), nn.Mish(), nn.GELU(), nn.GELU("tanh")], ids=repr
)
def test_an_activation_is_known_for_what_its_module_computes(module: nn.Module) -> None:
    x = torch.linspace(-6, 6, 101, dtype=torch.float64)
    function = smooth(module)
    assert function is not None
    assert torch.equal(function(x), module(x))


def test_other_modules_are_none() -> None:
    assert smooth(nn.ReLU()) is None
    assert smooth(nn.Sigmoid()) is None
