"""A strategy for deformable layers: the distilled convolution without the Concat in front of it.

A distilled layer is W * [x, relu(A * x)], one convolution over its input and the channels that
another one computes from it. The small accelerator has no Concat. With W cut into W_x and W_h,

    W * [x, h] = W_x * x + W_h * h,

two convolutions and an Add: the same numbers up to rounding. ``traits`` says which operators a
target must have for it and that it needs the weights of a distillation, so that
``surgery.dcn=auto`` takes it and the fit is found or made as for ``dcn.distilled``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from surgery.rewrites.base import Context, Match, Replacement
from surgery.rewrites.dcn.distilled import DISTILLED
from surgery.rewrites.dcn.widened import WidenedConvolution
from surgery.rewrites.traits import Traits

OPERATORS = ("Conv", "Add", "Relu")
TRAITS = Traits(OPERATORS, accuracy=25, fit="distilled", leaves=frozenset(OPERATORS))


class SplitConvolution(nn.Module):
    """W_x * x + W_h * relu(A * x)."""

    def __init__(self, widened: WidenedConvolution) -> None:
        super().__init__()
        self.input_name = widened.input_name
        self.hidden = widened.hidden
        channels = widened.hidden.in_channels
        parts = widened.weight.split([channels, widened.in_channels - channels], dim=1)
        self.own, self.others = (_like(widened, weight) for weight in parts)
        self.own.bias = widened.bias

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        """Take the arguments of the layer that it replaces; offsets and mask are ignored."""
        x = args[0] if args else kwargs[self.input_name]
        result: Tensor = self.own(x) + self.others(self.hidden(x).relu())
        return result


def _like(conv: nn.Conv2d, weight: Tensor) -> nn.Conv2d:
    """A convolution without a bias over as many channels as ``weight`` (O, C, kh, kw) has."""
    kernel, stride, padding = conv.kernel_size, conv.stride, conv.padding
    made = nn.Conv2d(
        weight.shape[1], weight.shape[0], kernel, stride, padding, conv.dilation, bias=False
    )
    with torch.no_grad():
        made.weight.copy_(weight)
    return made


@dataclass(frozen=True)
class Split:
    """Two Conv and an Add from the weights of a distillation."""

    name: str = "dcn.split"
    summary: str = "the distilled Conv as a sum of two, without Concat"
    exact: bool = False
    min_opset: int = 1
    traits: Traits = TRAITS

    def match(self, module: nn.Module) -> Match:
        """Accept what ``dcn.distilled`` accepts."""
        return DISTILLED.match(module)

    def replacement(self, module: nn.Module, path: str, context: Context) -> Replacement:
        """Put the fitted convolution in place, cut into two where it is widened.

        Raises:
            InputError: as ``dcn.distilled``.
        """
        made = DISTILLED.replacement(module, path, context)
        if not isinstance(made.module, WidenedConvolution):
            return made
        return replace(made, module=SplitConvolution(made.module))


SPLIT = Split()
