"""A deformable layer's own weights as an ordinary convolution: offsets and mask are dropped.

The cheapest replacement and the least accurate: a trained network loses all its accuracy with it.
It is what fitted strategies start from and are measured against.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from ..base import Context, Match, Replacement
from ..traits import CONVOLUTION, Traits
from .layer import convolution, described, match_deform


@dataclass(frozen=True)
class Plain:
    """Conv with the layer's weights."""

    name: str = "dcn.plain"
    exact: bool = False
    summary: str = "Conv with the layer's own weights, offsets and mask dropped"
    min_opset: int = 1
    traits: Traits = CONVOLUTION

    def match(self, module: nn.Module) -> Match:
        """Accept every deformable convolution that is recognised."""
        return match_deform(module)

    def replacement(self, module: nn.Module, path: str, context: Context) -> Replacement:
        """Return a convolution that shares the layer's weight and bias."""
        layer = described(module)
        geometry = layer.geometry
        return Replacement(
            convolution(layer, layer.weight, padding=geometry.padding, dilation=geometry.dilation)
        )


PLAIN = Plain()
