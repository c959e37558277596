"""SiLU, Mish and GELU as a Hardswish whose knees and factors are fitted to the inputs seen.

Without it: these have exponentials in them, and NNAPI, for one, has no Gelu ("not among its
operators"); a network that was trained with them cannot simply be given Hardswish, whose knees at
-3 and 3 were chosen for SiLU and inputs of any size.

Hardswish is x relu6(x + 3) / 6 (Howard et al., "Searching for MobileNetV3", 2019, section 5.2).
Here it is x (a relu6(b x + c) + d), its two knees and two factors those of least squared error over
a histogram of the inputs that this very layer sees on the calibration images
(:mod:`surgery.rewrites.activation.fit`).

Approximate. The ledger holds for each layer the root mean square error over the inputs seen, by
that of the activation's outputs, and the largest error over their range. On normally distributed
inputs the former was 0.034 for SiLU and GELU at unit variance, 0.005 and 0.012 at a standard
deviation of 0.3, 0.007 and 0.002 at 10. Never a default.
"""

from __future__ import annotations

from torch import Tensor

from .clipped import Clipped
from .fit import Fit
from .relu6 import ScaledReLU6


class HardswishFit(Fit):
    """The fit of a scaled Hardswish."""


class ScaledHardswish(ScaledReLU6):
    """x (a relu6(b x + c) + d)."""

    def forward(self, x: Tensor) -> Tensor:
        """Elementwise, any shape."""
        return x * super().forward(x)


def _basis(x: Tensor, clamped: Tensor) -> tuple[Tensor, Tensor]:
    return x, x * clamped


HARDSWISH = Clipped(
    "activation.hardswish",
    "SiLU, Mish and GELU as a Hardswish fitted to the inputs seen",
    _basis,
    ScaledHardswish,
    HardswishFit,
)
