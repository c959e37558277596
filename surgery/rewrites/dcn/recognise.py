"""Recognise deformable convolutions, whoever wrote them: a proposal that a probe has confirmed.

:mod:`.structure` and :mod:`.unfolded` say what a module promises to compute by what it holds and
what its ``forward`` takes, so that no package needs to be installed for its layers to be
recognised. A copy of the module with drawn weights then runs on a drawn image, and the proposal
counts only where both give the same: a norm, an activation, bounded offsets or another mask inside
the layer are seen by their result, whatever they are called.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from ..closeness import relative, tolerance_of
from .calls import DeformCall, intercepted
from .deform_layer import DeformLayer
from .geometry import Geometry, Pair
from .sampling import deform_conv2d, sample_grid, tap_positions
from .structure import OFFSET_CONVOLUTIONS, proposed
from .unfolded import unfolded

__all__ = ["OFFSET_CONVOLUTIONS", "DeformLayer", "Geometry", "Pair", "describe"]

HANDLER = "_surgery_handler"  # attribute of a copy that has its calls intercepted
OFFSETS = 1.5  # pixels: spread of the probe's offsets


def describe(module: nn.Module) -> DeformLayer | str | None:
    """Describe ``module`` as a deformable convolution.

    A replacement that still is a deformable convolution carries its description in an attribute
    ``deform_layer``; so may a layer that the proposals do not foresee, which a probe confirms too.

    Returns:
        The layer; or, for a module that looks like one and cannot be handled, the reason in one
        line; or None for a module of another kind.
    """
    if module.__dict__.get(HANDLER) is not None:  # its calls are layers of their own
        return None
    layer = _proposed(module)
    if not isinstance(layer, DeformLayer) or layer.trusted:
        return layer
    mark = _mark(module, layer)
    known = _PROVEN.get(module)
    if known is None or known.mark != mark:
        seen: list[bool] = []
        known = _PROVEN[module] = _Proven(mark, _objection(module, seen), bool(seen))
    return known.objection or layer


def calls_on_probe(module: nn.Module) -> bool:
    """Whether a layer that :func:`describe` confirmed made a deformable call that can be seen.

    A forward may name such a function for another device and compute in ordinary operators here.
    """
    known = _PROVEN.get(module)
    return known is None or known.calls


def contradict(module: nn.Module, objection: str) -> None:
    """Take a description back: the module's own inputs show that it computes something else."""
    layer = _proposed(module)
    if isinstance(layer, DeformLayer) and not layer.trusted:
        _PROVEN[module] = _Proven(_mark(module, layer), objection, True)


def _proposed(module: nn.Module) -> DeformLayer | str | None:
    own = getattr(module, "deform_layer", None)
    return own if isinstance(own, DeformLayer) else proposed(module) or unfolded(module)


@dataclass(frozen=True)
class _Proven:
    """What a probe said of a module in the state that ``mark`` stands for; "" for no objection.

    ``calls``: whether a deformable call was seen while it ran.
    """

    mark: tuple[Any, ...]
    objection: str
    calls: bool


_PROVEN: WeakKeyDictionary[nn.Module, _Proven] = WeakKeyDictionary()


def _mark(module: nn.Module, layer: DeformLayer) -> tuple[Any, ...]:
    hooks = (len(module._forward_hooks), len(module._forward_pre_hooks))
    children = tuple((id(child), child.training) for child in module.children())
    return (
        type(module),
        id(module.__dict__.get("forward")),
        layer.geometry,
        layer.modulated,
        layer.weight.dtype,
        layer.weight.device,
        id(layer.bias),
        module.training,
        hooks,
        children,
    )


def _objection(module: nn.Module, seen: list[bool]) -> str:
    """Why ``module`` is not what its structure promises, or "" where a probe gives the same.

    ``seen`` gets an entry for each deformable call.
    """

    def note(call: DeformCall) -> Tensor:
        seen.append(True)
        return call.function()

    try:
        with torch.no_grad(), intercepted(note):
            given, wanted = _probe(module)
    except Exception as error:  # whatever somebody's forward raises on an image of our making
        said = " ".join(f"{type(error).__name__}: {error}".split())
        return f"it looks like a deformable layer and fails on a probe ({said[:160]})"
    if not isinstance(given, Tensor) or given.shape != wanted.shape:
        shape = tuple(given.shape) if isinstance(given, Tensor) else type(given).__name__
        return (
            f"it looks like a deformable layer and gives {shape} on a probe, expected "
            f"{tuple(wanted.shape)}"
        )
    apart = relative(given, wanted)
    if apart <= tolerance_of(given):
        return ""
    return (
        f"it computes something else than the deformable convolution of its weights: {apart:.2g} "
        "of the largest value apart on a probe (a norm, an activation, bounded offsets or another "
        "mask inside)"
    )


def _probe(module: nn.Module) -> tuple[Any, Tensor]:
    """Run a copy of ``module`` with drawn weights, and compute what its structure promises."""
    made = copy.deepcopy(module)
    if any(parameter.is_meta for parameter in made.parameters()):
        made = made.to_empty(device="cpu")
    generator = torch.Generator().manual_seed(0)
    _draw_weights(made, generator)
    layer = _proposed(made)
    assert isinstance(layer, DeformLayer)
    arguments = _arguments(layer, generator)
    given = made(*arguments)
    image, offset, mask = layer.sampling(*arguments)
    given_type = given.dtype if isinstance(given, Tensor) else image.dtype
    wide = torch.float64 if image.dtype == torch.float64 else torch.float32
    wanted = deform_conv2d(
        image.to(wide),
        offset.to(wide),
        None if mask is None else mask.to(wide),
        layer.weight.to(wide),
        None if layer.bias is None else layer.bias.to(wide),
        layer.geometry,
        tap_positions(layer.geometry, offset.to(wide)),
        sample_grid,
    )
    return given, wanted.to(given_type)


def _draw_weights(module: nn.Module, generator: torch.Generator) -> None:
    """Values that show everything a layer computes: fresh ones have offsets of zero."""
    for tensor in module.parameters():
        spread = max(tensor[0].numel(), 1) ** -0.5 if tensor.dim() > 1 else 1.0
        drawn = torch.randn(tensor.shape, generator=generator) * spread * OFFSETS
        tensor.copy_(drawn.to(tensor.dtype))
    for part in module.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm) and part.running_mean is not None:
            mean, variance = part.running_mean, part.running_var
            mean.copy_(torch.randn(mean.shape, generator=generator))
            if variance is not None:
                variance.copy_(torch.rand(variance.shape, generator=generator) + 0.5)


def _arguments(layer: DeformLayer, generator: torch.Generator) -> list[Tensor]:
    geometry, like = layer.geometry, layer.weight
    rows, columns = (
        max(extent + 1 - 2 * padding, 1) + 4 * stride + more
        for extent, padding, stride, more in zip(
            geometry.extent, geometry.padding, geometry.stride, (0, 1), strict=True
        )
    )

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator).to(like)

    image = draw(2, geometry.in_channels, rows, columns)
    if layer.offset_convolution is not None or layer.sampler is not None:
        return [image]
    sides = geometry.output_size(rows, columns)
    groups = geometry.deform_groups or 1
    arguments = [image, draw(2, 2 * groups * geometry.taps, *sides) * OFFSETS]
    if layer.modulated:
        arguments.append(draw(2, groups * geometry.taps, *sides).sigmoid())
    return arguments
