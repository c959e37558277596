"""What offsets and masks a network's deformable layers use on images: the input of `dcn.folded`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from .recognise import DeformLayer, describe


@dataclass(frozen=True)
class OffsetStatistics:
    """Offsets and mask of one layer over all pixels of all images that were seen.

    Attributes:
        samples: number of output pixels.
        mean_offset: (g, taps, 2) float64, (dy, dx) in input pixels.
        mean_mask: (g, taps) float64; ones for a layer without a mask.
        largest: largest absolute offset along either axis, in input pixels.
    """

    samples: int
    mean_offset: Tensor
    mean_mask: Tensor
    largest: float


class _Sums:
    """Running sums of one layer in float64: memory does not grow with the number of images."""

    def __init__(self, layer: DeformLayer) -> None:
        self.layer = layer
        self.samples = 0
        self.offset: Tensor | float = 0.0
        self.mask: Tensor | float = 0.0
        self.largest = 0.0

    def __call__(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Forward pre-hook."""
        _, offset, mask = self.layer.sampling(*args, **kwargs)
        groups, taps = self.layer.geometry.deform_groups_of(offset), self.layer.geometry.taps
        pixels = offset.shape[0] * offset.shape[2] * offset.shape[3]
        self.samples += pixels
        self.largest = max(self.largest, float(offset.abs().max()))
        offset = offset.sum((0, 2, 3), dtype=torch.float64).cpu()
        self.offset = self.offset + offset.reshape(groups, taps, 2)
        total = (
            torch.full((groups * taps,), float(pixels), dtype=torch.float64)
            if mask is None
            else mask.sum((0, 2, 3), dtype=torch.float64).cpu()
        )
        self.mask = self.mask + total.reshape(groups, taps)

    def mean(self) -> OffsetStatistics:
        assert isinstance(self.offset, Tensor)
        assert isinstance(self.mask, Tensor)
        return OffsetStatistics(
            self.samples, self.offset / self.samples, self.mask / self.samples, self.largest
        )


def statistics(model: nn.Module, images: Iterable[Tensor]) -> dict[str, OffsetStatistics]:
    """Measure the offsets and masks of every deformable layer that is recognised.

    The model runs once per batch, in evaluation mode and without gradients; its training modes are
    restored and nothing else of it changes.

    Args:
        model: any network that takes a batch as its only argument.
        images: batches, on the model's device.

    Returns:
        Statistics by module path, of the layers that the forward passes reached.
    """
    described = ((path, module, describe(module)) for path, module in model.named_modules())
    layers = [(path, m, _Sums(d)) for path, m, d in described if isinstance(d, DeformLayer)]
    modes = {module: module.training for module in model.modules()}
    handles = [m.register_forward_pre_hook(sums, with_kwargs=True) for _, m, sums in layers]
    try:
        model.eval()
        with torch.no_grad():
            for batch in images:
                model(batch)
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in modes.items():
            module.training = mode
    return {path: sums.mean() for path, _, sums in layers if sums.samples}
