"""What a distillation trains with: optimiser, losses, precision."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from surgery.fitting.losses import Losses
from surgery.fitting.optimizer import orthogonalised
from surgery.fitting.precision import autocast
from surgery.fitting.settings import OutputSpec


@pytest.mark.parametrize("shape", [(3, 8, 40), (2, 40, 8)])
def test_orthogonalising_keeps_directions_and_levels_their_sizes(shape: tuple[int, ...]) -> None:
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    for matrix, found in zip(matrices, orthogonalised(matrices), strict=True):
        left, _, right = torch.linalg.svd(matrix, full_matrices=False)
        within = left.T @ found @ right.T
        assert torch.allclose(within, within.diagonal().diag(), atol=1e-3)
        # the coefficients of Jordan et al. take every singular value into about [0.7, 1.2]
        assert bool(((within.diagonal() > 0.6) & (within.diagonal() < 1.3)).all())


def test_a_wrong_score_costs_twice_at_a_peak() -> None:
    wanted = torch.full((1, 1, 8, 8), -4.0)
    wanted[0, 0, 4, 4] = 1.0
    losses = Losses({"heat": OutputSpec("logits")}, {"heat": wanted})

    def cost(y: int, x: int, peak: float) -> float:
        target, given = wanted.clone(), wanted.clone()
        target[0, 0, y, x], given[0, 0, y, x] = peak, peak + 0.5
        return float(losses.each({"heat": given}, {"heat": target})["heat"])

    assert cost(4, 4, 1.0) == pytest.approx(2 * _once(losses, wanted, 1.0), rel=1e-4)
    assert cost(4, 5, 0.9) == pytest.approx(_once(losses, wanted, 0.9), rel=1e-4)  # beside it


def _once(losses: Losses, wanted: torch.Tensor, peak: float) -> float:
    """The divergence of one pixel by its definition, over the heatmap's mass."""
    p, q = torch.tensor(peak).sigmoid(), torch.tensor(peak + 0.5).sigmoid()
    kl = p * (p / q).log() + (1 - p) * ((1 - p) / (1 - q)).log()
    return float(kl / wanted.numel() / losses.scales["heat"])


def test_values_count_where_the_heatmap_is() -> None:
    heat = torch.full((1, 1, 4, 4), -9.0)
    heat[0, 0, 1, 1] = 4.0
    specs = {"heat": OutputSpec("logits"), "size": OutputSpec(counts_at="heat")}
    wanted = {"heat": heat, "size": torch.randn(1, 6, 4, 4)}
    losses = Losses(specs, wanted)

    def cost(y: int, x: int) -> float:
        given = {**wanted, "size": wanted["size"].clone()}
        given["size"][0, :, y, x] += 1
        return float(losses.each(given, wanted)["size"])

    assert cost(1, 1) > 500 * cost(3, 3) > 0


def test_kernels_that_bfloat16_is_wrong_for_stay_in_float32() -> None:
    net = nn.Sequential(
        nn.Conv2d(4, 4, 3, padding=1),
        nn.Conv2d(4, 4, 3, padding=2, dilation=2),
        nn.ConvTranspose2d(4, 4, 4, 2, 1, groups=4),
    )
    types: list[torch.dtype] = []
    for module in net:
        module.register_forward_hook(lambda _m, _a, result: types.append(result.dtype))
    with autocast(net, torch.device("cpu"), enabled=True):
        net(torch.randn(1, 4, 8, 8))
    assert types == [torch.bfloat16, torch.float32, torch.float32]
    assert not any("forward" in module.__dict__ for module in net.modules())
    assert net(torch.randn(1, 4, 8, 8)).dtype == torch.float32
