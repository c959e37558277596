"""The clipped ramp that is nearest to an activation on the inputs that it sees.

Between two knees u < v the ramp is a clamp, and p + q clamp(x, u, v) is linear in p and q; so are
x (p + q clamp(x, u, v)) and every other form whose basis is known once the knees are. For every
pair of knees on a grid over the inputs' range the weighted least-squares solution is the one of two
normal equations, and the best pair is refined on ever finer grids around it. Where doing without
the upper knee costs next to nothing it is moved a whole range beyond the inputs seen, so that
larger ones to come are not cut off. With relu6(t) = clamp(t, 0, 6):

    p + q clamp(x, u, v) = a relu6(b x + c) + d,
    b = 6 / (v - u), c = -u b, a = q / b, d = p + q u
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .samples import Samples

Basis = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""Takes the inputs (n,) and their clamps (m, n); gives the two functions that are combined."""

GRID = 40  # knees that are tried at a time
ROUNDS = 3
SLACK = 0.05  # of the root mean square error, to do without the upper knee


@dataclass(frozen=True)
class Fit:
    """f(x) = p * first + q * second, the basis taken with knees at ``low`` and ``high``.

    Attributes:
        p, q: of the two functions.
        low, high: knees.
        rms: root mean square error over the inputs seen, by that of the activation's outputs.
        worst: largest error over the range of the inputs seen, absolute.
        least, most: that range.
    """

    p: float
    q: float
    low: float
    high: float
    rms: float
    worst: float
    least: float
    most: float

    def effect(self) -> dict[str, float]:
        """Figures for the ledger."""
        return {
            "rms_error": self.rms,
            "largest_error": self.worst,
            "least_input": self.least,
            "largest_input": self.most,
        }


def fit(samples: Samples, activation: Callable[[Tensor], Tensor], basis: Basis) -> Fit:
    """Return the best pair of knees and factors.

    Args:
        samples: inputs that the activation sees.
        activation: elementwise, in float64.
        basis: of the functions to combine.
    """
    x, wanted = samples.values, activation(samples.values)
    start, end = samples.least, max(samples.most, samples.least + 1e-3)
    lows, highs = (torch.linspace(start, end, GRID, dtype=torch.float64) for _ in range(2))
    for _ in range(ROUNDS):
        low, high = torch.meshgrid(lows, highs, indexing="ij")
        low, high = (each[low < high] for each in (low, high))
        free = _best(_solved(x, wanted, samples.shares, low, high, basis), low, high)
        lows, highs = _around(lows, free.low), _around(highs, free.high)
    low = lows[lows < end]
    open_ended = _solved(x, wanted, samples.shares, low, torch.full_like(low, end), basis)
    best = _best(open_ended, low, torch.full_like(low, end))
    if best.error > (1 + SLACK) ** 2 * free.error:
        best = free
    else:  # no input reaches the upper knee: keep it clear of those to come
        best = replace(best, high=2 * end - start)
    first, second = basis(x, x.clamp(best.low, best.high)[None])
    found = best.p * first + best.q * second
    norm = max(float((samples.shares * wanted**2).sum().sqrt()), 1e-12)
    rms = float((samples.shares * (found - wanted) ** 2).sum().sqrt()) / norm
    grid = torch.linspace(start, end, 4096, dtype=torch.float64)
    first, second = basis(grid, grid.clamp(best.low, best.high)[None])
    worst = float((best.p * first + best.q * second - activation(grid)).abs().max())
    return Fit(best.p, best.q, best.low, best.high, rms, worst, samples.least, samples.most)


@dataclass(frozen=True)
class _Trial:
    """Factors and knees, and the mean square error that they leave."""

    p: float
    q: float
    low: float
    high: float
    error: float


def _best(solved: tuple[Tensor, Tensor, Tensor], low: Tensor, high: Tensor) -> _Trial:
    """The pair of knees with the least error."""
    p, q, error = solved
    at = int(error.argmin())
    return _Trial(*(float(each[at]) for each in (p, q, low, high, error)))


def _solved(
    x: Tensor, wanted: Tensor, shares: Tensor, low: Tensor, high: Tensor, basis: Basis
) -> tuple[Tensor, Tensor, Tensor]:
    """Factors and mean square error for each pair of knees, (m,) each."""
    first, second = basis(x, x.clamp(low[:, None], high[:, None]))
    first = first.expand_as(second)
    s11, s12, s22 = (
        (shares * a * b).sum(1) for a, b in ((first, first), (first, second), (second, second))
    )
    t1, t2 = ((shares * each * wanted).sum(1) for each in (first, second))
    determinant = s11 * s22 - s12**2
    flat = determinant <= 1e-12 * s11 * s22  # one function is a multiple of the other here
    q = torch.where(flat, 0, (s11 * t2 - s12 * t1) / determinant.masked_fill(flat, 1))
    p = (t1 - q * s12) / s11.clamp(min=1e-300)
    error = (shares * (p[:, None] * first + q[:, None] * second - wanted) ** 2).sum(1)
    return p, q, error


def _around(knees: Tensor, at: float) -> Tensor:
    """A finer grid of a step to each side of ``at``."""
    step = float(knees[1] - knees[0])
    return torch.linspace(at - step, at + step, GRID, dtype=torch.float64)
