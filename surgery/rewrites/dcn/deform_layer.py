"""A recognised deformable layer: its weights, its sizes, and where its samples come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from torch import Tensor, nn

from .geometry import Geometry

Sampling = tuple[Tensor, Tensor, Tensor | None]


@dataclass(frozen=True)
class DeformLayer:
    """A recognised layer: its weights, its sizes, and how a call gives offset and mask.

    Attributes:
        weight: (O, C / groups, kh, kw).
        bias: (O,) or None.
        geometry: kernel, stride, padding, dilation and groups.
        modulated: whether a mask multiplies the samples (torchvision: in calls that pass one).
        offset_name: attribute that holds the offset convolution, or None where offset and mask
            are arguments of the call, or come from ``sampler``.
        offset_convolution: that convolution, or None.
        arguments: names of ``forward``'s parameters in order: input, then offset and mask if taken.
        sampler: arguments of a call -> (input, offset, mask or None), for layers that get them in
            another way; or None.
        children: modules that ``sampler`` calls, by the names that they have in the layer.
        trusted: whether the description comes from this package, so that no probe is needed.
        whole: whether it is no deformable convolution but any module, for a fit alone
            (:mod:`.whole`); ``weight`` is zero then.
    """

    weight: Tensor
    bias: Tensor | None
    geometry: Geometry
    modulated: bool
    offset_name: str | None
    offset_convolution: nn.Conv2d | None
    arguments: tuple[str, ...]
    sampler: Callable[..., Sampling] | None = None
    children: Mapping[str, nn.Module] = field(default_factory=dict)
    trusted: bool = False
    whole: bool = False

    def sampling(self, *args: Any, **kwargs: Any) -> Sampling:
        """Turn the arguments of a call into (input, offset, mask or None).

        offset: (N, 2 * g * taps, H_out, W_out), (dy, dx) per tap in input pixels.
        mask: (N, g * taps, H_out, W_out), as it multiplies the samples.
        """
        if self.sampler is not None:
            return self.sampler(*args, **kwargs)
        given = dict(zip(self.arguments, args, strict=False)) | kwargs
        x, *rest = (given.get(name) for name in self.arguments)
        x = cast(Tensor, x)
        if self.offset_convolution is None:
            offset = cast(Tensor, rest[0])
            return x, offset, rest[1] if len(rest) > 1 else None
        predicted = self.offset_convolution(x)
        if not self.modulated:
            return x, predicted, None
        assert self.geometry.deform_groups is not None
        maps = self.geometry.deform_groups * self.geometry.taps
        return x, predicted[:, : 2 * maps], predicted[:, 2 * maps :].sigmoid()
