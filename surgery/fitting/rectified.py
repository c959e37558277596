"""Least squares for a layer that feeds a ReLU: what is cut off on both sides need not agree.

Minimises  sum |relu(a y + c) - relu(a (W x + b) + c)|^2  instead of  sum |y - W x - b|^2  by the
alternation of Zhang, Zou, He and Sun, "Accelerating Very Deep Convolutional Networks for
Classification and Detection" (TPAMI 2016), section 2.2: with an auxiliary z for every output,

    minimise  (relu(a y + c) - relu(z))^2 + penalty * (z - u)^2,   u = a (W x + b) + c,

which has a closed solution for z, then a least-squares fit to z, for a penalty that grows. The
Gram matrix stays the same throughout, so each round costs two products with the patches.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..rewrites.uses import Rectifier
from .least_squares import NormalEquations

PENALTIES = (0.01, 0.1, 1.0)
ROUNDS = 4  # for each penalty


def rectify(
    fitting: tuple[Tensor, Tensor],
    held_back: tuple[Tensor, Tensor],
    rectifier: Rectifier,
    linear: Tensor,
    prior: Tensor,
    ridge: float,
    equations: NormalEquations,
) -> tuple[Tensor, float, float]:
    """Improve a least-squares fit for what follows.

    Args:
        fitting: patches (m, n) and outputs (m, O) of the untouched layer.
        held_back: the same of other images; the best round on these wins.
        rectifier: what follows the layer.
        linear: (n + 1, O) float64, where to start; the last row is the bias.
        prior: (n + 1, O) float64, where the ridge draws to.
        ridge: lambda of :mod:`.least_squares`.
        equations: of ``fitting``.

    Returns:
        The solution (n + 1, O), its error behind the ReLU on the held-back images relative to the
        variance there, and that of ``linear``.
    """
    inputs, seen = (F.pad(rows[0].double(), (0, 1), value=1.0) for rows in (fitting, held_back))
    wanted = rectifier(fitting[1].double())
    aim = rectifier(held_back[1].double())
    spread = (aim - aim.mean(0)).square().sum().clamp(min=1e-300)

    def missed(solution: Tensor) -> float:
        return float((rectifier(seen @ solution) - aim).square().sum() / spread)

    factor = equations.factor(ridge)
    best, first = linear, missed(linear)
    error = first
    if factor is None:
        return best, error, first
    solution = linear
    offset = equations.gram @ prior
    for penalty in PENALTIES:
        for _ in range(ROUNDS):
            z = auxiliary(wanted, rectifier.scale * (inputs @ solution) + rectifier.shift, penalty)
            targets = (z - rectifier.shift) / rectifier.scale
            solution = prior + torch.cholesky_solve(inputs.T @ targets - offset, factor)
        reached = missed(solution)
        if reached < error:
            best, error = solution, reached
    return best, error, first


def auxiliary(wanted: Tensor, given: Tensor, penalty: float) -> Tensor:
    """Minimise (wanted - relu(z))^2 + penalty * (z - given)^2 over z, element by element."""
    above = ((wanted + penalty * given) / (1 + penalty)).clamp(min=0)
    below = given.clamp(max=0)
    cost_above = (wanted - above).square() + penalty * (above - given).square()
    cost_below = wanted.square() + penalty * (below - given).square()
    return torch.where(cost_above <= cost_below, above, below)
