"""Weights that were fitted to images, in the shape in which rewrites take them.

`surgery.fitting` makes them; saved fits hold them. This file holds the values and the
rewrite for modules that stay what they are and get new numbers: BatchNorm, the heads' convolutions.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from torch import Tensor, nn

from postprocess.errors import InputError

from .base import Context, Match, Replacement
from .dcn.geometry import Pair


@dataclass(frozen=True)
class Window:
    """Which patch of the input each output position sees; pairs are vertical, horizontal."""

    kernel: Pair
    stride: Pair
    padding: Pair
    dilation: Pair
    groups: int = 1

    @property
    def taps(self) -> int:
        """Number of kernel elements."""
        return self.kernel[0] * self.kernel[1]

    def output_size(self, height: int, width: int) -> Pair:
        """Size of the output for an input of ``height`` x ``width``."""
        rows, columns = (
            (size + 2 * p - d * (k - 1) - 1) // s + 1
            for size, k, s, p, d in zip(
                (height, width), self.kernel, self.stride, self.padding, self.dilation, strict=True
            )
        )
        return rows, columns


@dataclass(frozen=True)
class Hidden:
    """Channels that a fitted convolution sees beside its input (:mod:`.dcn.widened`).

    Attributes:
        weight: (m, C, k, k), k odd.
        bias: (m,).
    """

    weight: Tensor
    bias: Tensor


@dataclass(frozen=True)
class FittedConvolution:
    """An ordinary convolution for a deformable layer's place.

    Attributes:
        weight: (O, C / groups, kh, kw); with ``hidden`` (O, C + m, kh, kw).
        bias: (O,); layers without a bias get one, since the fit needs it.
        window: its stride, padding, dilation and groups.
        effect: figures for the ledger by name.
        hidden: what computes m further channels from the input; None for none.
    """

    weight: Tensor
    bias: Tensor
    window: Window
    effect: Mapping[str, float] = field(default_factory=dict)
    hidden: Hidden | None = None

    def to(self, like: Tensor) -> FittedConvolution:
        """The same with the type and device of ``like``."""
        hidden = self.hidden
        if hidden is not None:
            hidden = Hidden(hidden.weight.to(like), hidden.bias.to(like))
        return replace(self, weight=self.weight.to(like), bias=self.bias.to(like), hidden=hidden)


@dataclass(frozen=True)
class FittedTensors:
    """New values for parameters and buffers that a module itself holds, by their names in it."""

    tensors: Mapping[str, Tensor]
    effect: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Refitted:
    """The same module with fitted parameters and buffers; for modules without children."""

    name: str = "fitted"
    exact: bool = False
    summary: str = "the module itself, with parameters fitted to make up for its new neighbours"
    min_opset: int = 1

    def match(self, module: nn.Module) -> Match:
        """Accept every module without children that holds parameters."""
        if next(module.children(), None) is None and next(module.parameters(), None) is not None:
            return Match.accept()
        return Match.unrelated()

    def replacement(self, module: nn.Module, path: str, context: Context) -> Replacement:
        """Return a copy of the module with the values of ``context.calibration`` for ``path``.

        Raises:
            InputError: there are none, or they do not fit the module.
        """
        fitted = context.calibration.get(FittedTensors, path)
        if fitted is None:
            raise InputError(
                f"the rewrite 'fitted' needs fitted tensors of {path!r}, got "
                f"{context.calibration.types_at(path)}: pass Fitted.modules"
            )
        state = module.state_dict()
        for name, tensor in fitted.tensors.items():
            if name not in state or state[name].shape != tensor.shape:
                there = tuple(state[name].shape) if name in state else "nothing"
                raise InputError(
                    f"fitted {path}.{name} has shape {tuple(tensor.shape)}, the network has "
                    f"{there}: it was fitted for another network"
                )
        made = copy.deepcopy(module)
        made.load_state_dict({**state, **fitted.tensors})
        return Replacement(made, effect=dict(fitted.effect) or None)


REFITTED = Refitted()
