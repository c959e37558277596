"""What offsets and masks a network's deformable layers use on images.

The means are the input of `dcn.folded`, the counts that of `dcn.shifted`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from typing import Any

import torch
from torch import Tensor, nn

from ..measuring import run_through
from .deform_layer import DeformLayer
from .exposed import exposing
from .recognise import describe

COUNTED = 16  # pixels: offsets are counted by whole pixels from -COUNTED to COUNTED


@dataclass(frozen=True)
class OffsetStatistics:
    """Offsets and mask of one layer over all pixels of all images that were seen.

    Attributes:
        samples: number of output pixels.
        mean_offset: (g, taps, 2) float64, (dy, dx) in input pixels.
        mean_mask: (g, taps) float64; ones for a layer without a mask.
        largest: largest absolute offset along either axis, in input pixels.
        counts: (g, taps, 2 * COUNTED, 2 * COUNTED) float64, or None where nobody counted: at
            [..., COUNTED + i, COUNTED + j] the samples with i <= dy < i + 1 and j <= dx < j + 1;
            the bins at the border also hold all samples beyond.
    """

    samples: int
    mean_offset: Tensor
    mean_mask: Tensor
    largest: float
    counts: Tensor | None = None


class _Sums:
    """Running sums of one layer in float64: memory does not grow with the number of images."""

    def __init__(self, layer: DeformLayer) -> None:
        self.layer = layer
        self.samples = 0
        self.offset: Tensor | float = 0.0
        self.mask: Tensor | float = 0.0
        self.largest = 0.0
        self.counts: Tensor | float = 0.0

    def __call__(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Forward pre-hook."""
        _, offset, mask = self.layer.sampling(*args, **kwargs)
        groups, taps = self.layer.geometry.deform_groups_of(offset), self.layer.geometry.taps
        pixels = offset.shape[0] * offset.shape[2] * offset.shape[3]
        self.samples += pixels
        self.largest = max(self.largest, float(offset.abs().max()))
        self.counts = self.counts + _counts(offset, groups, taps)
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
        assert isinstance(self.counts, Tensor)
        mean_offset, mean_mask = self.offset / self.samples, self.mask / self.samples
        return OffsetStatistics(self.samples, mean_offset, mean_mask, self.largest, self.counts)


def _counts(offset: Tensor, groups: int, taps: int) -> Tensor:
    """Samples of each tap by the whole pixel that its offset falls into."""
    whole = offset.detach().nan_to_num().floor().clamp(-COUNTED, COUNTED - 1).long() + COUNTED
    y, x = whole.reshape(len(offset), groups * taps, 2, -1).unbind(2)
    tap = torch.arange(groups * taps, device=offset.device)[:, None]
    side = 2 * COUNTED
    index = (tap * side + y) * side + x
    counts = torch.bincount(index.flatten(), minlength=groups * taps * side**2)
    return counts.double().cpu().reshape(groups, taps, side, side)


def statistics(model: nn.Module, images: Iterable[Tensor]) -> dict[str, OffsetStatistics]:
    """Measure the offsets and masks of every deformable layer that is recognised.

    The model runs once per batch, in evaluation mode and without gradients; its training modes are
    restored and nothing else of it changes.

    Args:
        model: any network that takes a batch as its only argument.
        images: batches, on the model's device.

    Returns:
        Statistics by module path, of the layers that the forward passes reached; a call inside of
        a module that does more is at ``PATH.deform``.
    """
    rest = iter(images)
    first = list(islice(rest, 1))
    with exposing(model, partial(run_through, model, first)) as shown:
        layers = [
            (path, module, _Sums(found))
            for path, module in shown.named_modules()
            if isinstance(found := describe(module), DeformLayer) and not found.whole
        ]
        handles = [m.register_forward_pre_hook(sums, with_kwargs=True) for _, m, sums in layers]
        try:
            run_through(shown, chain(first, rest))
        finally:
            for handle in handles:
                handle.remove()
    return {path: sums.mean() for path, _, sums in layers if sums.samples}
