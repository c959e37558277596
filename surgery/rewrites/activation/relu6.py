"""SiLU, Hardswish, Mish and GELU as one ReLU6 between two scalings, fitted to the inputs seen.

Without it: NNAPI has neither Gelu nor HardSwish nor Mish ("not among its operators"), the plain set
of operators has no exponential to write a SiLU with, and a network that was trained with any of
them cannot simply be given ReLU6.

Each activation becomes a relu6(b x + c) + d: a ramp between two knees. The knees and factors are
those of least squared error over a histogram of the inputs that this very layer sees on the
calibration images (:mod:`surgery.rewrites.activation.fit`), since a ramp cannot fit a SiLU
everywhere, but a layer uses a part of it. The scalings are Mul and Add with constants.

Approximate. The ledger holds for each layer the root mean square error over the inputs seen, by
that of the activation's outputs, and the largest error over their range. On normally distributed
inputs the former was 0.11 for SiLU and 0.075 for GELU at unit variance, 0.13 and 0.14 at a standard
deviation of 0.3, 0.012 and 0.006 at 10. Errors add up over layers: look at the report's comparison
before shipping. Never a default. ``activation.hardswish`` is nearer, where the target multiplies
two tensors.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from .clipped import Clipped
from .fit import Fit


class Relu6Fit(Fit):
    """The fit of a scaled ReLU6."""


class ScaledReLU6(nn.Module):
    """a relu6(b x + c) + d."""

    def __init__(self, fit: Fit) -> None:
        super().__init__()
        self.inner = 6 / (fit.high - fit.low)
        self.shift = -fit.low * self.inner
        self.outer = fit.q / self.inner
        self.base = fit.p + fit.q * fit.low

    def forward(self, x: Tensor) -> Tensor:
        """Elementwise, any shape."""
        return self.outer * functional.relu6(self.inner * x + self.shift) + self.base


def _basis(x: Tensor, clamped: Tensor) -> tuple[Tensor, Tensor]:
    return torch.ones_like(x), clamped


RELU6 = Clipped(
    "activation.relu6",
    "SiLU, Hardswish, Mish and GELU as a scaled ReLU6 fitted to the inputs seen",
    _basis,
    ScaledReLU6,
    Relu6Fit,
)
