"""How far an operated network's outputs are from the untouched one's: scale-free, label-free.

Values: squared error over the variance of the wanted values, so that 1 is no better than their
mean, whatever their unit. Heatmap logits: Kullback-Leibler divergence of each pixel's probability,
over the heatmap's mass, so that a map with few peaks counts as much as one with many; twice at its
peaks, whose scores are all that a decoder ranks. Outputs that
are read at peaks only are weighted by the untouched network's heatmap (Zhou et al., "Objects as
Points", 2019, train them at the centres alone; a distillation knows the centres as probabilities).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from .settings import OutputSpec

VALUES = OutputSpec()
FLOOR = 1e-3  # share of full weight that pixels away from every peak keep
PEAK = 0.03  # least probability of a pixel, no less than its eight neighbours, that counts twice


class Losses:
    """Losses by output name, with scales measured on the untouched network's outputs.

    Attributes:
        specs: what is known of the outputs.
        scales: by name, what a squared error is divided by.
    """

    def __init__(self, specs: Mapping[str, OutputSpec], wanted: Mapping[str, Tensor]) -> None:
        self.specs = dict(specs)
        self.scales = {name: self._scale(name, wanted) for name in wanted}

    def spec(self, name: str) -> OutputSpec:
        """What is known of an output; plain values where nothing was said."""
        return self.specs.get(name, VALUES)

    def _scale(self, name: str, wanted: Mapping[str, Tensor]) -> Tensor:
        """Weighted variance of each channel, averaged over channels; one heatmap's mass a pixel."""
        target = wanted[name].float()
        if self.spec(name).kind == "logits":
            return target.sigmoid().mean().clamp(min=1e-6)
        weight = self.importance(name, wanted)
        axes = [axis for axis in range(target.dim()) if axis != 1]
        if target.dim() < 2:
            return target.var(unbiased=False).clamp(min=1e-12)
        total = weight.expand_as(target).sum(axes, keepdim=True).clamp(min=1e-12)
        mean = (weight * target).sum(axes, keepdim=True) / total
        variance = (weight * (target - mean).square()).sum(axes, keepdim=True) / total
        return variance.mean().clamp(min=1e-12)

    def importance(self, name: str, wanted: Mapping[str, Tensor]) -> Tensor:
        """How much each pixel of an output counts, broadcastable to it; 1 if nothing is said."""
        where = self.spec(name).counts_at
        target = wanted[name]
        if where is None:
            return target.new_ones((1,) * target.dim())
        heat = wanted[where].float().sigmoid().amax(1, keepdim=True)
        if heat.shape[2:] != target.shape[2:]:
            heat = F.adaptive_max_pool2d(heat, target.shape[2:])
        return heat + FLOOR

    def each(self, given: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Loss of every output, unweighted; 0 is perfect agreement."""
        return {name: self._loss(name, given[name].float(), wanted) for name in wanted}

    def _loss(self, name: str, given: Tensor, wanted: Mapping[str, Tensor]) -> Tensor:
        target = wanted[name].float()
        if self.spec(name).kind == "logits":
            probability = target.sigmoid()
            # BCE(s, p) - H(p), from logits on both sides
            divergence = F.binary_cross_entropy_with_logits(
                given, probability, reduction="none"
            ) - F.binary_cross_entropy_with_logits(target, probability, reduction="none")
            twice = divergence.new_zeros(()) if target.dim() != 4 else _peaks(target, probability)
            return ((1 + twice) * divergence).mean() / self.scales[name]
        difference = _rows(given - target)
        squared = torch.linalg.vecdot(difference, difference)
        weight = _rows(self.importance(name, wanted))[:, 0].expand_as(squared)
        total = weight.sum().clamp(min=1e-12) * difference.shape[1]
        loss: Tensor = (weight * squared).sum() / total / self.scales[name]
        return loss

    def total(self, losses: Mapping[str, Tensor]) -> Tensor:
        """Weighted sum."""
        return torch.stack([self.spec(n).weight * loss for n, loss in losses.items()]).sum()


def _rows(tensor: Tensor) -> Tensor:
    """(N, C, ...) -> (positions, C): no copy where channels lie last in memory."""
    return tensor.movedim(1, -1).flatten(0, -2) if tensor.dim() > 1 else tensor[:, None]


def _peaks(logits: Tensor, probability: Tensor) -> Tensor:
    """1 where a pixel of (N, C, H, W) is a peak, 0 elsewhere."""
    highest = F.max_pool2d(logits, 3, stride=1, padding=1) == logits
    return (highest & (probability > PEAK)).to(logits.dtype)
