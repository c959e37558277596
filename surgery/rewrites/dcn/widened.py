"""An ordinary convolution that also sees what it computes from its input, in a layer's place.

    y = W * [x, relu(A * x)]

A deformable layer reads where its input tells it to, which no linear map does. A few channels of
A, computed from x, rectified and seen by the convolution beside x, bring that dependence on the
content back in ordinary operators: Conv, Relu, Concat. Their cost grows with their number; the
offset convolution that is saved (27 channels for a 3x3 layer) pays a part.
:mod:`surgery.fitting.widening` trains them.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..fitted import FittedConvolution, Hidden
from .layer import CalledWithOffsets, as_parameter


class WidenedConvolution(CalledWithOffsets):
    """A convolution over its input and the channels that ``hidden`` computes from it.

    Args:
        fitted: with ``hidden``.
        input_name: of the first argument, where the layer is called with offset and mask too.
    """

    def __init__(self, fitted: FittedConvolution, input_name: str) -> None:
        weight, window = fitted.weight, fitted.window
        super().__init__(
            int(weight.shape[1]),
            int(weight.shape[0]),
            window.kernel,
            window.stride,
            window.padding,
            window.dilation,
            device="meta",  # nothing is drawn for weights that are replaced
        )
        assert fitted.hidden is not None
        self.weight = as_parameter(weight)
        self.bias = as_parameter(fitted.bias)
        self.hidden = hidden_convolution(fitted.hidden)
        self.input_name = input_name

    def seen(self, x: Tensor) -> Tensor:
        """The input (N, C, H, W) and what is computed from it (N, C + m, H, W)."""
        return beside(x, self.hidden)


def beside(x: Tensor, hidden: nn.Conv2d) -> Tensor:
    """Put the channels that ``hidden`` computes from ``x`` behind it."""
    return torch.cat([x, hidden(x).relu()], 1)


def hidden_convolution(hidden: Hidden) -> nn.Conv2d:
    """The convolution that computes the further channels, at the height and width of its input."""
    channels, inputs, size = hidden.weight.shape[:3]
    made = nn.Conv2d(inputs, channels, size, padding=size // 2, device="meta")
    made.weight, made.bias = as_parameter(hidden.weight), as_parameter(hidden.bias)
    return made
