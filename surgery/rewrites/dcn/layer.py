"""Modules that stand in for a deformable layer, under the names that its parameters had."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from ..base import Context, Match, Replacement
from ..closeness import require_close
from .calls import DeformCall, makes_calls
from .deform_layer import DeformLayer
from .exposed import CallLayer, copied, is_exposed
from .geometry import Pair
from .recognise import calls_on_probe, describe


class DeformModule(nn.Module):
    """Base of replacements that still deform: shares the layer's parameters under their names."""

    weight: Tensor
    bias: Tensor | None

    def __init__(self, layer: DeformLayer) -> None:
        super().__init__()
        self.deform_layer = replace(layer, trusted=True)
        self.weight = as_parameter(layer.weight)
        self.bias = None if layer.bias is None else as_parameter(layer.bias)
        if layer.offset_name is not None:
            self.add_module(layer.offset_name, layer.offset_convolution)
        for name, child in layer.children.items():
            self.add_module(name, child)

    def called(self, *args: Any, **kwargs: Any) -> DeformCall:
        """The call that a call of the layer comes down to."""
        image, offset, mask = self.deform_layer.sampling(*args, **kwargs)
        geometry = self.deform_layer.geometry
        given = (image, offset, mask, self.weight, self.bias, geometry)
        return DeformCall(*given, lambda: self(*args, **kwargs))

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
    alone = layer.offset_name is not None or layer.sampler is not None
    kind = nn.Conv2d if alone else CalledWithOffsets
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


class AtCall(Protocol):
    """A strategy that can replace a deformable call where it is made, whatever stands around it."""

    @property
    def name(self) -> str:
        """How it is asked for."""

    @property
    def exact(self) -> bool:
        """Whether its result is the call's own, up to float rounding."""

    def at_call(self, call: DeformCall, context: Context) -> Tensor:
        """Return what stands for the result of ``call``: (N, O, rows, columns)."""


def match_deform(module: nn.Module, *, calls: bool = False, whole: bool = False) -> Match:
    """Match of every strategy that takes all layers that are recognised.

    Args:
        module: any module.
        calls: whether the strategy is an :class:`AtCall`.
        whole: whether it replaces any module, by a fit.
    """
    layer = describe(module)
    if isinstance(layer, DeformLayer):
        if layer.whole and not whole:
            return Match.decline("it is no deformable convolution: only a fit replaces it")
        return Match.accept()
    if calls_left(module):
        if calls:
            return Match.accept()
        return Match.decline(
            "its forward calls a deformable convolution among other things: pass "
            "example=(inputs of the network,), so that the call becomes a layer of its own"
        )
    if layer is None or is_exposed(module):
        return Match.unrelated()
    return Match.decline(layer)


def calls_left(module: nn.Module) -> bool:
    """Whether ``forward`` makes deformable calls that are not layers of their own yet."""
    if is_exposed(module):
        return any(isinstance(m, CallLayer) and not m.fixed for m in module.children())
    return makes_calls(module)


def replaced_at_calls(module: nn.Module) -> bool:
    """Whether an exact strategy replaces the calls in ``forward``, of a layer that is described.

    Not where one is named there and none was seen while the layer ran: nothing would be replaced.
    """
    return calls_left(module) and calls_on_probe(module)


def at_calls(module: nn.Module, strategy: AtCall, context: Context) -> Replacement:
    """Return a copy of ``module`` whose own deformable calls go to ``strategy``.

    The first call of an exact strategy outside an export is made both ways.

    Raises (while it runs):
        InputError: the two results differ.
    """
    inner = {
        id(parameter)
        for child in module.modules()
        if child is not module and (isinstance(describe(child), DeformLayer) or calls_left(child))
        for parameter in child.parameters()
    }
    pending = [strategy.exact]

    def handle(call: DeformCall) -> Tensor:
        if id(call.weight) in inner:  # of a layer inside, which has a strategy of its own
            return call.function()
        made = strategy.at_call(call, context)
        if pending[0] and not torch.onnx.is_in_onnx_export():
            pending[0] = False
            require_close(made, call.function(), f"{strategy.name} in {type(module).__name__}")
        return made

    note = "the deformable calls in its forward; all else stays"
    return Replacement(copied(module, lambda _: handle), note=note, whole=False)


def described(module: nn.Module) -> DeformLayer:
    """Return the description of a module that :func:`match_deform` accepted."""
    layer = describe(module)
    assert isinstance(layer, DeformLayer), layer
    return layer
