"""A deformable layer in ordinary operators, exact for every offset.

From opset 16 on its samples come from one GridSample; below, from four Gathers, so that there is
neither GridSample nor DeformConv in the graph. One 1x1 Conv over (channel, tap) follows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from postprocess.errors import InputError

from ..base import Context, Match, Replacement
from ..traits import Traits
from .calls import DeformCall
from .deform_layer import DeformLayer
from .layer import DeformModule, at_calls, match_deform, replaced_at_calls
from .recognise import describe
from .sampling import Sampler, deform_conv2d, sample_gather, sample_grid, tap_positions

GRID_SAMPLE_OPSET = 16
MIN_OPSET = 11
TRAITS = Traits(("GridSample",), accuracy=20, speed=20)


@dataclass(frozen=True)
class Decomposed:
    """GridSample or Gather, Mul and Add, then a 1x1 Conv."""

    name: str = "dcn.decomposed"
    exact: bool = True
    summary: str = "ordinary operators: GridSample (opset 16 on) or Gather, then a 1x1 Conv"
    min_opset: int = MIN_OPSET
    traits: Traits = TRAITS

    def match(self, module: nn.Module) -> Match:
        """Accept every deformable convolution that is recognised."""
        return match_deform(module, calls=True)

    def replacement(self, module: nn.Module, path: str, context: Context) -> Replacement:
        """Return the module that samples as ``context.opset`` allows.

        Raises:
            InputError: the opset is too old for either form.
        """
        if context.opset < MIN_OPSET:
            raise InputError(
                f"dcn.decomposed needs opset {MIN_OPSET} or later, got {context.opset}: raise it"
            )
        layer = describe(module)
        if not isinstance(layer, DeformLayer) or replaced_at_calls(module):
            return at_calls(module, self, context)
        sampler = _sampler(context)
        note = "samples by " + ("Gather" if sampler is sample_gather else "GridSample")
        return Replacement(DecomposedDeform(layer, sampler), note=note)

    def at_call(self, call: DeformCall, context: Context) -> Tensor:
        """Return the result in ordinary operators."""
        return call.computed(_sampler(context))


def _sampler(context: Context) -> Sampler:
    return sample_gather if context.opset < GRID_SAMPLE_OPSET else sample_grid


class DecomposedDeform(DeformModule):
    """Deformable convolution in ordinary operators, in and outside an export."""

    def __init__(self, layer: DeformLayer, sampler: Sampler) -> None:
        super().__init__(layer)
        self.sampler = sampler
        self.taps: Tensor
        taps = tap_positions(layer.geometry, layer.weight.detach())
        self.register_buffer("taps", taps, persistent=False)

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        """Arguments and result of the layer that it replaces."""
        image, offset, mask = self.deform_layer.sampling(*args, **kwargs)
        geometry = self.deform_layer.geometry
        return deform_conv2d(
            image, offset, mask, self.weight, self.bias, geometry, self.taps, self.sampler
        )


DECOMPOSED = Decomposed()
