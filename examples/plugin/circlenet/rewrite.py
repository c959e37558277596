"""Focus as one convolution: each output channel reads one pixel of a 2x2 block, weight 1.

For output channel (2j + i) * C + c the kernel (C, 2, 2) is 1 at [c, i, j] and 0 elsewhere, with a
stride of 2: exact, and accelerators that refuse strided slices have it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from surgery.rewrites.base import Context, Match, Replacement

from .network import Focus


@dataclass(frozen=True)
class FocusAsConv:
    """Focus -> Conv 2x2, stride 2."""

    name: str = "circlenet.focus"
    summary: str = "strided slices as one convolution"
    exact: bool = True
    min_opset: int = 1

    def match(self, module: nn.Module) -> Match:
        """Accept every Focus."""
        return Match.accept() if isinstance(module, Focus) else Match.unrelated()

    def replacement(self, module: nn.Module, path: str, context: Context) -> Replacement:
        """Build the convolution."""
        assert isinstance(module, Focus)
        channels = module.channels
        conv = nn.Conv2d(channels, 4 * channels, 2, stride=2, bias=False).requires_grad_(False)
        weight = torch.zeros(2, 2, channels, channels, 2, 2)  # j, i, output, input, y, x
        for j in (0, 1):
            for i in (0, 1):
                weight[j, i, :, :, i, j] = torch.eye(channels)
        conv.weight.copy_(weight.reshape(conv.weight.shape))
        return Replacement(conv)


FOCUS = FocusAsConv()
