"""Smooth activations as clipped ramps, fitted to what they see."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from postprocess.errors import InputError
from surgery.rewrites import rewriting
from surgery.rewrites.activation import Fit
from surgery.rewrites.measuring import measured
from surgery.support.ledger import Ledger

from .networks import images, rms

NAMES = ["activation.relu6", "activation.hardswish"]
ACTIVATIONS = [nn.SiLU(), nn.GELU(), nn.GELU("tanh"), nn.Mish(), nn.Hardswish()]


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.SiLU(), nn.Conv2d(8, 8, 3, stride=2), nn.GELU(), nn.Conv2d(8, 2, 1)
    ).eval()


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=repr)
@pytest.mark.parametrize("name", NAMES)
def test_the_ledger_says_how_far_it_is_from_the_activation(
    name: str, activation: nn.Module
) -> None:
    net, seen = nn.Sequential(activation).eval(), images(2.0)
    fresh = 2 * torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(9))
    with rewriting(net, name, calibration=measured(net, [name], seen)) as (operated, ledger):
        (entry,) = ledger.entries
        assert not entry.exact
        assert entry.effect is not None
        found = operated(fresh)
        line = torch.linspace(entry.effect["least_input"], entry.effect["largest_input"], 2001)
        farthest = float((operated(line) - activation(line)).abs().max())
    # on other inputs of the same distribution; 2 % of the error measured
    assert rms(found, activation(fresh)) == pytest.approx(
        entry.effect["rms_error"], rel=0.1, abs=1e-3
    )
    assert entry.effect["rms_error"] < (0.11 if name.endswith("relu6") else 0.04)
    assert farthest == pytest.approx(entry.effect["largest_error"], rel=0.01, abs=1e-5)


def test_a_network_keeps_most_of_what_it_computes_and_gets_its_modules_back() -> None:
    net, seen = network(), images()
    before, expected = list(net), net(seen[0])
    calibration = measured(net, NAMES[1:], seen)
    assert set(calibration) == {"1", "3"}
    with rewriting(net, NAMES[1], calibration=calibration) as (operated, _):
        assert rms(operated(seen[0]), expected) < 0.02  # 0.006 measured
    assert list(net) == before
    assert torch.equal(net(seen[0]), expected)
    assert not any(module._forward_pre_hooks for module in net.modules())


def test_without_images_it_says_what_to_pass() -> None:
    with pytest.raises(InputError, match=r"activation.relu6 needs the inputs that '1' sees"):
        rewriting(network(), NAMES[0]).__enter__()


def test_a_layer_that_no_image_reaches_stays() -> None:
    net, ledger = network(), Ledger()
    calibration = measured(net, NAMES[:1], images())
    del calibration["3"]
    with rewriting(net, NAMES[0], calibration=calibration, ledger=ledger):
        assert isinstance(net[3], nn.GELU)
    assert [(e.where, e.reason) for e in ledger.declined()] == [("3", "no image reached it")]


def test_training_modes_and_modules_that_see_nothing_are_left_as_they_are() -> None:
    net = network()
    net[1].train()
    measured(net, NAMES, images())
    assert [module.training for module in net] == [False, True, False, False, False]


def test_a_network_in_training_mode_is_measured_as_it_will_run_and_learns_nothing() -> None:
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(3)
    net = nn.Sequential(norm, nn.Dropout(0.9), nn.SiLU()).train()
    seen = [image + 5 for image in images()]
    (fit,) = measured(net, NAMES[:1], seen).values()
    assert isinstance(fit, Fit)
    assert fit.most == pytest.approx(max(float(image.max()) for image in seen), rel=1e-4)
    assert torch.equal(norm.running_mean, torch.zeros(3))
    assert net.training
    assert norm.training
