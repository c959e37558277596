"""Fit an ordinary convolution to given outputs: ridge regression by streamed normal equations.

For patches x_p (one row a position, n = C / groups * kh * kw unknowns) and targets y_p,

    minimise  sum_p |y_p - W x_p - b|^2 + lambda * d * |W - W_0|^2

with d the mean diagonal of the Gram matrix, so that lambda has no unit, and W_0 a first guess: what
the images leave undetermined stays at W_0 instead of going to zero. Only X^T X, X^T Y and sum y^2
are kept, in float64, so memory does not grow with the number of images; and the error of any
solution on the images of another such record follows from that record alone, which makes the
choice of lambda on held-back images nearly free.

A Gram matrix of patches is close to block-Toeplitz, and for stride 1 could be put together from
(2k-1)^2 channel correlations and border strips. Drawing a bounded number of positions is cheaper
still: :func:`positions_wanted`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..rewrites.fitted import Window

RIDGES = tuple(10.0**exponent for exponent in range(-8, 1))
POSITIONS_PER_UNKNOWN = 64
BLOCK = 8192  # rows of patches turned into float64 at a time


def positions_wanted(unknowns: int) -> int:
    """Positions that a fit draws at most: 64 an unknown.

    With p positions and n unknowns the error of a least-squares fit exceeds the best possible by a
    share n / p of it, here 1.6 %; more positions buy next to nothing.
    """
    return POSITIONS_PER_UNKNOWN * unknowns


def patches(x: Tensor, window: Window, positions: Tensor) -> Tensor:
    """Cut out what a convolution sees at some of its output positions.

    Args:
        x: (N, C, H, W).
        window: kernel, stride, padding, dilation.
        positions: (m,) indices into the flattened (N, H_out, W_out).

    Returns:
        (m, C * kh * kw), channel by channel, as a convolution's weight is laid out.
    """
    rows, columns = window.output_size(x.shape[2], x.shape[3])
    padded = F.pad(x, (window.padding[1],) * 2 + (window.padding[0],) * 2)
    batch, channels = padded.stride()[:2]
    down, across = padded.stride()[2:]
    view = padded.as_strided(
        (x.shape[0], rows, columns, x.shape[1], *window.kernel),
        (
            batch,
            down * window.stride[0],
            across * window.stride[1],
            channels,
            down * window.dilation[0],
            across * window.dilation[1],
        ),
    )
    image = positions.div(rows * columns, rounding_mode="floor")
    row = positions.remainder(rows * columns).div(columns, rounding_mode="floor")
    return view[image, row, positions.remainder(columns)].flatten(1)


class NormalEquations:
    """X^T X, X^T Y and sum y^2 of any number of (patch, target) pairs, with a constant as input.

    Attributes:
        gram: (n + 1, n + 1) float64; the last row and column belong to the constant 1 (the bias).
        cross: (n + 1, O) float64.
        square: (O,) float64.
    """

    def __init__(self, unknowns: int, outputs: int, device: torch.device | None = None) -> None:
        self.gram = torch.zeros(unknowns + 1, unknowns + 1, dtype=torch.float64, device=device)
        self.cross = torch.zeros(unknowns + 1, outputs, dtype=torch.float64, device=device)
        self.square = torch.zeros(outputs, dtype=torch.float64, device=device)

    def add(self, inputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> None:
        """Take in rows: inputs (m, n), targets (m, O), and how much each counts (m,), default 1."""
        for first in range(0, len(inputs), BLOCK):
            part = slice(first, first + BLOCK)
            x = F.pad(inputs[part].double(), (0, 1), value=1.0)
            y = targets[part].double()
            counted = x if weights is None else x * weights[part, None].double()
            self.gram.addmm_(counted.T, x)
            self.cross.addmm_(counted.T, y)
            square = y.square() if weights is None else y.square() * weights[part, None].double()
            self.square += square.sum(0)

    def __iadd__(self, other: NormalEquations) -> NormalEquations:
        self.gram += other.gram
        self.cross += other.cross
        self.square += other.square
        return self

    @property
    def count(self) -> float:
        """Total weight of the rows taken in."""
        return float(self.gram[-1, -1])

    def factor(self, ridge: float) -> Tensor | None:
        """Return the Cholesky factor of the system for one ``ridge``; None where it has none."""
        system = self.gram.clone()
        scale = system.diagonal()[:-1].mean().clamp(min=torch.finfo(torch.float64).tiny)
        system.diagonal()[:-1] += ridge * scale
        system.diagonal()[-1] += 1e-12 * self.count
        factor, failed = torch.linalg.cholesky_ex(system)
        return None if bool(failed) else factor

    def solve(self, prior: Tensor, ridge: float) -> Tensor:
        """Return the solution (n + 1, O) float64 for one ``ridge``, drawn to ``prior``."""
        factor = self.factor(ridge)
        if factor is None:
            return prior.clone()
        return prior + torch.cholesky_solve(self.cross - self.gram @ prior, factor)

    def error(self, solution: Tensor) -> Tensor:
        """Sum of squared errors (O,) of ``solution`` (n + 1, O) over the rows taken in."""
        quadratic = (solution * (self.gram @ solution - 2 * self.cross)).sum(0)
        return (quadratic + self.square).clamp(min=0)

    def spread(self) -> Tensor:
        """Sum of squared deviations (O,) of the targets from their mean."""
        return (self.square - self.cross[-1].square() / max(self.count, 1e-300)).clamp(min=0)


@dataclass(frozen=True)
class Fit:
    """A fitted convolution and what it costs.

    Attributes:
        weight: (O, C / groups, kh, kw) float32; bias: (O,) float32.
        ridge: the chosen lambda, the same for all groups.
        error: squared error on the held-back images relative to the targets' variance (1 - R^2).
        prior_error: the same for the first guess.
    """

    weight: Tensor
    bias: Tensor
    ridge: float
    error: float
    prior_error: float


def as_rows(weight: Tensor, bias: Tensor) -> Tensor:
    """Return a convolution's weight and bias as (O, n + 1) float64, the bias last."""
    return torch.cat((weight.flatten(1), bias[:, None]), 1).double()


def choose(
    fitting: Sequence[NormalEquations],
    held_back: Sequence[NormalEquations],
    prior_weight: Tensor,
    prior_bias: Tensor,
    ridges: Sequence[float] = RIDGES,
) -> Fit:
    """Solve group by group with the ridge that does best on the held-back images.

    The final solution uses the fitting and the held-back images; ``held_back`` is consumed.

    Args:
        fitting: normal equations of each group.
        held_back: the same of images kept out of ``fitting``; of no rows to use the largest ridge.
        prior_weight: (O, C / groups, kh, kw) first guess.
        prior_bias: (O,) first guess.
        ridges: candidates for lambda.
    """
    groups = len(fitting)
    priors = [part.T.contiguous() for part in as_rows(prior_weight, prior_bias).chunk(groups)]
    spread = sum(float(h.spread().sum()) for h in held_back)

    def missed(solutions: Sequence[Tensor]) -> float:
        pairs = zip(held_back, solutions, strict=True)
        return sum(float(h.error(s).sum()) for h, s in pairs) / max(spread, 1e-300)

    errors = {
        ridge: missed([f.solve(p, ridge) for f, p in zip(fitting, priors, strict=True)])
        for ridge in sorted(ridges, reverse=True)
    }
    ridge = min(errors, key=lambda candidate: errors[candidate])
    prior_error = missed(priors)
    solutions = []
    for record, extra, prior in zip(fitting, held_back, priors, strict=True):
        extra += record
        solutions.append(extra.solve(prior, ridge))
    solved = torch.cat(solutions, 1).T
    return Fit(
        solved[:, :-1].reshape(prior_weight.shape).float().contiguous(),
        solved[:, -1].float().contiguous(),
        ridge,
        errors[ridge],
        prior_error,
    )
