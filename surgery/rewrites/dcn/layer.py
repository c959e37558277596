"""Modules that stand in for a deformable layer, under the names that its parameters had."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from ..base import Match
from .recognise import DeformLayer, Pair, describe


class DeformModule(nn.Module):
    """Base of replacements that still deform: shares the layer's parameters under their names."""

    weight: Tensor
    bias: Tensor | None

    def __init__(self, layer: DeformLayer) -> None:
        super().__init__()
        self.deform_layer = layer
        self.weight = as_parameter(layer.weight)
        self.bias = None if layer.bias is None else as_parameter(layer.bias)
        if layer.offset_name is not None:
            self.add_module(layer.offset_name, layer.offset_convolution)

    def extra_repr(self) -> str:
        """Sizes of the layer, as print(model) shows them."""
        g = self.deform_layer.geometry
        return (
            f"{g.in_channels}, {g.out_channels}, kernel_size={g.kernel}, stride={g.stride}, "
            f"padding={g.padding}, dilation={g.dilation}, groups={g.groups}, "
            f"deform_groups={g.deform_groups}"
        )


class CalledWithOffsets(nn.Conv2d):
    """A convolution in the place of a layer that is called with offset and mask: ignores them."""

    input_name: str

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        """Take the arguments of the layer that it replaces, by position or by name."""
        return super().forward(self.seen(args[0] if args else kwargs[self.input_name]))

    def seen(self, x: Tensor) -> Tensor:
        """What the convolution is given for the layer's input (N, C, H, W)."""
        return x


def convolution(layer: DeformLayer, weight: Tensor, *, padding: Pair, dilation: Pair) -> nn.Conv2d:
    """Return an ordinary convolution with ``weight`` and the layer's bias, stride and groups.

    Args:
        layer: what it replaces.
        weight: (O, C / groups, kh, kw).
        padding: zeros at either side, vertical before horizontal.
        dilation: vertical before horizontal.
    """
    geometry = layer.geometry
    kind = nn.Conv2d if layer.offset_name is not None else CalledWithOffsets
    made = kind(
        geometry.in_channels,
        geometry.out_channels,
        (int(weight.shape[2]), int(weight.shape[3])),
        geometry.stride,
        padding,
        dilation,
        geometry.groups,
        bias=layer.bias is not None,
        device="meta",  # nothing is drawn from the random generator for weights that are replaced
    )
    if isinstance(made, CalledWithOffsets):
        made.input_name = layer.arguments[0]
    made.weight = as_parameter(weight)
    made.bias = None if layer.bias is None else as_parameter(layer.bias)
    return made


def as_parameter(tensor: Tensor) -> nn.Parameter:
    """Return ``tensor`` if it is a parameter, a new parameter of its values otherwise."""
    return tensor if isinstance(tensor, nn.Parameter) else nn.Parameter(tensor.detach())


def match_deform(module: nn.Module) -> Match:
    """Match of every strategy that takes all layers that are recognised."""
    layer = describe(module)
    if layer is None:
        return Match.unrelated()
    return Match.decline(layer) if isinstance(layer, str) else Match.accept()


def described(module: nn.Module) -> DeformLayer:
    """Return the description of a module that :func:`match_deform` accepted."""
    layer = describe(module)
    assert isinstance(layer, DeformLayer), layer
    return layer
