"""Fits that know of the ReLU behind a layer."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from surgery.fitting.least_squares import NormalEquations
from surgery.fitting.network import Reading, trace
from surgery.fitting.rectified import auxiliary, rectify
from surgery.rewrites.uses import Rectifier, Uses


@pytest.mark.parametrize("penalty", [0.01, 1.0])
def test_the_auxiliary_value_is_the_best_of_all(penalty: float) -> None:
    wanted, given = torch.rand(200).double(), torch.randn(200).double() * 2
    wanted[::3] = 0
    grid = torch.linspace(-8, 8, 4001).double()[:, None]
    costs = (wanted - grid.clamp(min=0)).square() + penalty * (grid - given).square()
    z = auxiliary(wanted, given, penalty)
    found = (wanted - z.clamp(min=0)).square() + penalty * (z - given).square()
    assert bool((found <= costs.min(0).values + 1e-12).all())


def _rows(seed: int) -> tuple[Tensor, Tensor]:
    """Outputs that a linear map follows above zero only: below, they are something else."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(2000, 8, generator=generator)
    weight = torch.linspace(-1, 1, 24).reshape(8, 3)
    y = x @ weight - 0.3
    return x, torch.where(y > 0, y, y * 5 + torch.sin(9 * x[:, :3]))


def test_what_the_relu_cuts_off_does_not_spoil_the_rest() -> None:
    fitting, held_back = _rows(0), _rows(1)
    record = NormalEquations(8, 3)
    record.add(*fitting)
    prior = torch.zeros(9, 3).double()
    linear = record.solve(prior, 1e-8)
    rectifier = Rectifier(torch.tensor([1.0, 0.5, 2.0]).double(), torch.zeros(3).double())
    solution, error, before = rectify(fitting, held_back, rectifier, linear, prior, 1e-8, record)
    assert error < 0.3 * before
    x, y = held_back
    given = rectifier(F.pad(x.double(), (0, 1), value=1.0) @ solution)
    missed = (given - rectifier(y.double())).square().sum()
    wanted = rectifier(y.double())
    assert float(missed / (wanted - wanted.mean(0)).square().sum()) == pytest.approx(error)


def test_a_perfect_linear_fit_is_kept() -> None:
    x = torch.randn(500, 4)
    y = x @ torch.randn(4, 2)
    record = NormalEquations(4, 2)
    record.add(x, y)
    linear = record.solve(torch.zeros(5, 2).double(), 1e-8)
    rectifier = Rectifier(torch.ones(2).double(), torch.zeros(2).double())
    prior = torch.zeros(5, 2).double()
    _, error, before = rectify((x, y), (x, y), rectifier, linear, prior, 1e-8, record)
    assert error <= before < 1e-10


class _Styles(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv2d(2, 2, 1) for _ in range(5))
        self.norm = nn.BatchNorm2d(2)
        self.relu = nn.ReLU(inplace=True)
        nn.init.uniform_(self.norm.running_mean)
        nn.init.uniform_(self.norm.running_var, 0.5, 2)
        nn.init.uniform_(self.norm.weight, -2, -1)


def test_batchnorm_and_relu_are_found_however_they_are_written() -> None:
    model = _Styles().eval()
    x = torch.randn(3, 2, 4, 4)
    with torch.no_grad(), Uses() as uses:
        first, second, third, fourth, fifth = (layer(x) for layer in model.layers)
        keep = first.clone()
        after = F.relu(model.norm(first))
        model.relu(second) + 1  # in place: the sum takes what the ReLU gave
        third.relu() + third  # another use: the values below zero count
        torch.sigmoid(fourth)
        F.batch_norm(fifth, None, None, training=True).relu()
    # a copy of the first is another use of it
    assert uses.rectifier(first) is None
    assert uses.rectifier(second) is not None
    assert [uses.rectifier(t) for t in (third, fourth, fifth)] == [None, None, None]
    with torch.no_grad(), Uses() as uses:
        first = model.layers[0](x)
        after = F.relu(model.norm(first))
    found = uses.rectifier(first)
    assert found is not None
    rows = found(keep.movedim(1, -1).reshape(-1, 2).double())
    torch.testing.assert_close(rows.float(), after.movedim(1, -1).reshape(-1, 2))


def test_a_trace_knows_what_follows_each_layer(zoo: Any) -> None:
    seen = trace(zoo.foreign(), Reading(zoo.outputs), zoo.smooth_images(2))
    # a sum comes between the first layer and its ReLU; the heads are outputs
    assert set(seen.rectifiers) == {"packed"}
