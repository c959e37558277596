"""Smooth activations as a fitted Hardswish."""

from __future__ import annotations

import pytest
from torch import nn

from surgery.rewrites import rewriting
from surgery.rewrites.measuring import measured

from .networks import images, refused, rms

NAME = "activation.hardswish"


@pytest.mark.parametrize("exporter", ["dynamo", "torchscript"])
def test_a_target_refuses_mish_and_takes_the_fitted_form(exporter: str) -> None:
    net, seen = nn.Sequential(nn.Mish()).eval(), images()
    assert refused(net, exporter)
    with rewriting(net, NAME, calibration=measured(net, [NAME], seen)):
        assert not refused(net, exporter)


def test_hardswish_itself_is_found_again() -> None:
    net, seen = nn.Sequential(nn.Hardswish()).eval(), images(3.0)
    with rewriting(net, NAME, calibration=measured(net, [NAME], seen)) as (operated, _):
        assert rms(operated(seen[0]), nn.functional.hardswish(seen[0])) < 1e-3
