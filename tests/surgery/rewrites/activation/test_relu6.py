"""Smooth activations as one ReLU6 between two scalings."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from surgery.rewrites import rewriting
from surgery.rewrites.measuring import measured

from .networks import images, refused, rms

NAME = "activation.relu6"


@pytest.mark.parametrize("exporter", ["dynamo", "torchscript"])
def test_a_target_refuses_gelu_and_takes_the_fitted_form(exporter: str) -> None:
    net, seen = nn.Sequential(nn.GELU()).eval(), images()
    assert refused(net, exporter)
    with rewriting(net, NAME, calibration=measured(net, [NAME], seen)):
        assert not refused(net, exporter)


def test_the_fit_follows_the_inputs_that_a_layer_sees() -> None:
    """A layer that sees the straight part of SiLU alone is fitted there, as well as a line can."""
    net = nn.Sequential(nn.SiLU()).eval()
    high = [image.abs() + 6 for image in images()]
    with rewriting(net, NAME, calibration=measured(net, [NAME], high)) as (operated, _):
        assert rms(operated(high[0]), nn.functional.silu(high[0])) < 1e-3
        low = torch.full((1, 3, 2, 2), -5.0)
        assert (operated(low) - nn.functional.silu(low)).abs().max() > 1  # where nobody looked


def test_what_lies_above_the_inputs_seen_is_not_cut_off() -> None:
    net, seen = nn.Sequential(nn.SiLU()).eval(), images()
    with rewriting(net, NAME, calibration=measured(net, [NAME], seen)) as (operated, _):
        most = float(max(image.max() for image in seen))
        beyond = torch.full((1, 3, 1, 1), 1.5 * most)
        assert bool((operated(beyond) > most).all())
