"""A deformable layer as an ordinary convolution fitted to its outputs on images.

The fit is :mod:`surgery.fitting`'s business; here its result is put in place.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import nn

from postprocess.errors import InputError

from ..base import Context, Match, Replacement
from ..fitted import FittedConvolution
from ..traits import WIDENED, Traits
from .layer import convolution, described, match_deform
from .widened import WidenedConvolution

TRAITS = Traits(fit="calibrated", leaves=WIDENED)


@dataclass(frozen=True)
class Calibrated:
    """Conv with weights from ``context.calibration``."""

    name: str = "dcn.calibrated"
    exact: bool = False
    summary: str = "Conv fitted by least squares to the layer's outputs on images"
    min_opset: int = 1
    traits: Traits = TRAITS

    def match(self, module: nn.Module) -> Match:
        """Accept every deformable convolution that is recognised."""
        return match_deform(module, whole=True)

    def replacement(self, module: nn.Module, path: str, context: Context) -> Replacement:
        """Return the fitted convolution; the ledger gets the figures of its fit.

        Raises:
            InputError: no fitted convolution for this layer, or one of another layer's sizes.
        """
        layer = described(module)
        fitted = context.calibration.get(FittedConvolution, path)
        if fitted is None:
            raise InputError(
                f"{self.name} needs fitted weights of layer {path!r}, got "
                f"{context.calibration.types_at(path)}: fit them with surgery.fit"
            )
        geometry, hidden = layer.geometry, fitted.hidden
        more = 0 if hidden is None else len(hidden.weight)
        expected = (geometry.out_channels, geometry.in_channels // geometry.groups + more)
        if tuple(fitted.weight.shape[:2]) != expected or fitted.window.stride != geometry.stride:
            raise InputError(
                f"fitted weights of layer {path!r} have shape {tuple(fitted.weight.shape)}, "
                f"expected {expected} channels: they were fitted for another network"
            )
        height, width = fitted.window.kernel
        note = f"{height}x{width} kernel"
        fitted = fitted.to(layer.weight)
        made: nn.Conv2d
        if hidden is None:
            made = convolution(
                replace(layer, bias=fitted.bias),
                fitted.weight,
                padding=fitted.window.padding,
                dilation=fitted.window.dilation,
            )
        else:
            note += f" over the input and {more} channels computed from it"
            made = WidenedConvolution(fitted, layer.arguments[0])
        return Replacement(made, note=note, effect=dict(fitted.effect) or None)


CALIBRATED = Calibrated()
