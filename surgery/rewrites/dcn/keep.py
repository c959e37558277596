"""Leave a deformable layer as it is: for layers that a pattern exempts from another strategy.

What the exporter makes of the layer is then up to how the layer is written: an operator of its own
package, which no run time of another vendor loads, or the arithmetic of its Python code. It is the
untouched network to compare with.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from ..base import Context, Match, Replacement
from .deform_layer import DeformLayer
from .layer import match_deform
from .recognise import describe


@dataclass(frozen=True)
class Keep:
    """The layer itself."""

    name: str = "dcn.keep"
    exact: bool = True
    summary: str = "the layer as it is"
    min_opset: int = 1

    def match(self, module: nn.Module) -> Match:
        """Accept every deformable convolution that is recognised."""
        return match_deform(module, calls=True, whole=True)

    def replacement(self, module: nn.Module, path: str, context: Context) -> Replacement:
        """Return the module itself."""
        whole = isinstance(describe(module), DeformLayer)
        return Replacement(module, note="left as it is", whole=whole)


KEEP = Keep()
