"""The sigmoid in Conv, Relu, Mul and Add alone, to float32 rounding.

For targets that run no Sigmoid. With s(a) = 1 / (1 + exp(-a)) on a >= 0,

    sigmoid(u) = s(relu(u)) - s(relu(-u)) + 1/2,

as one of the two is s(0) = 1/2. exp(-a) is exp(-a / 32) squared five times, the latter a polynomial
on [-1/2, 0]; 1 / (1 + e) with e in [0, 1] comes from Newton's iteration y <- y (2 - d y), whose
error is squared in each step: from 1/17, the least that a line reaches on [1, 2], to 1e-10 in
three.
"""

from __future__ import annotations

from typing import TypeVar

import torch
from numpy.polynomial import Chebyshev, Polynomial
from torch import Tensor, nn

from .graph_value import Value, conv2d

Image = TypeVar("Image", Tensor, Value)

LARGEST = 16.0  # exp(-16) = 1.1e-7: the sigmoid is 1 in float32 from about here on
SQUARINGS = 5
DEGREE = 5
NEWTON_STEPS = 3


def _exponential() -> list[float]:
    """Coefficients of exp on [-LARGEST / 2^SQUARINGS, 0], lowest first; off by 1e-8."""
    import numpy as np

    domain = (-LARGEST / 2**SQUARINGS, 0.0)
    fitted = Chebyshev.interpolate(np.exp, DEGREE, domain=domain)
    return [float(value) for value in fitted.convert(kind=Polynomial).coef]


class Logistic(nn.Module):
    """Sigmoid of some channels of its input.

    Args:
        channels: of the input.
        first: the first channel of which the sigmoid is wanted; all after it are, too.
        like: gives the type and the device.
    """

    signed: Tensor
    difference: Tensor
    middle: Tensor

    def __init__(self, channels: int, first: int, like: Tensor) -> None:
        super().__init__()
        wanted = torch.eye(channels)[first:]
        halves = torch.eye(channels - first)
        constants = {
            "signed": torch.cat([wanted, -wanted])[:, :, None, None],
            "difference": torch.cat([halves, -halves], 1)[:, :, None, None],
            "middle": torch.full((channels - first,), 0.5),
        }
        for name, value in constants.items():
            self.register_buffer(name, value.to(like), persistent=False)
        self.coefficients = _exponential()

    def forward(self, x: Image) -> Image:
        """(N, channels, H, W) -> (N, channels - first, H, W)."""
        positive = conv2d(x, self.signed).relu()
        rest = (positive * -1 + LARGEST).relu()  # LARGEST - a, a cut off at LARGEST
        scaled = rest * 0.5**SQUARINGS + -LARGEST * 0.5**SQUARINGS
        *lower, highest = self.coefficients
        power = scaled * highest + lower[-1]
        for coefficient in reversed(lower[:-1]):
            power = power * scaled + coefficient
        for _ in range(SQUARINGS):
            power = power * power
        negative = power * -1 + -1  # -(1 + e)
        inverse = power * (-8 / 17) + 16 / 17
        for _ in range(NEWTON_STEPS):
            inverse = inverse * (negative * inverse + 2)
        return conv2d(inverse, self.difference, self.middle)
