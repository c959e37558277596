"""The form of :mod:`surgery.rewrites.dcn.widened` that is fitted: its two kernels are kept apart.

Least squares find both kernels for computed channels that are given, as for the random features of
Huang, Zhu and Siew, "Extreme learning machine" (Neurocomputing 2006); a distillation trains those
too. It is an adapter beside the layer (Rebuffi, Bilen and Vedaldi, "Efficient parametrization of
multi-domain deep neural networks", CVPR 2018, section 3). For the optimiser the two kernels are two
matrices: as one they train more slowly.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..rewrites.dcn.layer import as_parameter
from ..rewrites.dcn.widened import beside, hidden_convolution
from ..rewrites.fitted import Hidden

KERNEL = 3


class Widening(nn.Conv2d):
    """``convolution`` with further channels beside its input, not used yet.

    Args:
        convolution: of one group, with a bias.
        channels: how many channels are computed.
        offsets: the layer's offset convolution, or None. What it gives decided where the layer
            read, so the first channels are what it gives, then its negative (a ReLU follows); those
            left are random (He et al., "Delving Deep into Rectifiers", 2015).
        generator: of the random ones.
    """

    def __init__(
        self,
        convolution: nn.Conv2d,
        channels: int,
        offsets: nn.Conv2d | None,
        generator: torch.Generator,
    ) -> None:
        inputs, outputs = convolution.in_channels, convolution.out_channels
        kernel = (convolution.kernel_size[0], convolution.kernel_size[1])
        super().__init__(inputs, outputs, kernel, device="meta")
        self.stride, self.dilation = convolution.stride, convolution.dilation
        self.padding = convolution.padding
        assert convolution.bias is not None
        weight = convolution.weight.detach()
        self.weight, self.bias = as_parameter(weight), as_parameter(convolution.bias.detach())
        self.beside = as_parameter(weight.new_zeros(outputs, channels, *kernel))
        drawn = torch.randn(channels, inputs, KERNEL, KERNEL, generator=generator)
        drawn *= (2 / (inputs * KERNEL**2)) ** 0.5
        start = Hidden(drawn.to(weight), weight.new_zeros(channels))
        self.hidden = hidden_convolution(start if offsets is None else _read(offsets, start))
        self.input_name = getattr(convolution, "input_name", "input")

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        """Take the arguments of the layer that it replaces; offset and mask are ignored."""
        x = self.seen(args[0] if args else kwargs[self.input_name])
        return F.conv2d(x, self.merged(), self.bias, self.stride, self.padding, self.dilation)

    def seen(self, x: Tensor) -> Tensor:
        """The input (N, C, H, W) and what is computed from it (N, C + m, H, W)."""
        return beside(x, self.hidden)

    def merged(self) -> Tensor:
        """Both kernels as the one (O, C + m, kh, kw) of the convolution that is shipped."""
        return torch.cat([self.weight, self.beside], 1)


def kernel_of(convolution: nn.Conv2d) -> Tensor:
    """The whole kernel (O, C / groups, kh, kw), that over computed channels among it."""
    merged = convolution.merged() if isinstance(convolution, Widening) else convolution.weight
    return merged.detach()


@torch.no_grad()
def set_kernel(convolution: nn.Conv2d, kernel: Tensor, bias: Tensor) -> None:
    """Take a kernel as :func:`kernel_of` gives it, and a bias (O,) where there is one."""
    own = convolution.in_channels // convolution.groups
    convolution.weight.copy_(kernel[:, :own])
    if isinstance(convolution, Widening):
        convolution.beside.copy_(kernel[:, own:])
    if convolution.bias is not None:
        convolution.bias.copy_(bias)


def seen_by(convolution: nn.Conv2d, x: Tensor) -> Tensor:
    """What the kernel is applied to for the input ``x`` (N, C, H, W)."""
    return convolution.seen(x) if isinstance(convolution, Widening) else x


@torch.no_grad()
def _read(offsets: nn.Conv2d, start: Hidden) -> Hidden:
    """Put an offset convolution and its negative in front, where it fits."""
    weight, bias = offsets.weight, offsets.bias
    if bias is None or weight.shape[1:] != start.weight.shape[1:] or offsets.dilation != (1, 1):
        return start
    count = len(start.weight)
    weights = torch.cat([weight, -weight, start.weight.to(weight)])
    biases = torch.cat([bias, -bias, start.bias.to(bias)])
    return Hidden(weights[:count].clone(), biases[:count].clone())
