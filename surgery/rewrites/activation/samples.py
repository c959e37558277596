"""Histograms of the inputs that a network's activations see on images, at bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..measuring import run_through

PER_CALL = 1 << 14  # values that are kept of one call of an activation
BINS = 512


@dataclass(frozen=True)
class Samples:
    """A histogram of an activation's inputs.

    Attributes:
        values: (n,) float64, middles of the bins that are not empty, ascending.
        shares: (n,) float64, share of the inputs in each; they add up to 1.
        least, most: smallest and largest input that was seen, all of them looked at.
    """

    values: Tensor
    shares: Tensor
    least: float
    most: float


class _Seen:
    """Evenly spaced values of every call of one module, and the range of all."""

    def __init__(self) -> None:
        self.kept: list[Tensor] = []
        self.least, self.most = float("inf"), float("-inf")

    def __call__(self, module: nn.Module, args: tuple[Tensor, ...]) -> None:
        """Forward pre-hook."""
        flat = args[0].detach().flatten()
        step = max(1, flat.numel() // PER_CALL)
        self.kept.append(flat[::step].float().cpu())
        self.least = min(self.least, float(flat.min()))
        self.most = max(self.most, float(flat.max()))

    def histogram(self) -> Samples:
        values = torch.cat(self.kept)
        low, high = self.least, max(self.most, self.least + 1e-6)
        counts = torch.histc(values, BINS, low, high).double()
        middles = low + (torch.arange(BINS, dtype=torch.float64) + 0.5) * (high - low) / BINS
        filled = counts > 0
        return Samples(middles[filled], counts[filled] / counts.sum(), self.least, self.most)


def inputs_seen(
    model: nn.Module, images: Sequence[Tensor], wanted: Callable[[nn.Module], bool]
) -> Mapping[str, Samples]:
    """Run ``model`` on ``images`` and return what the modules that are ``wanted`` take, by path.

    A module that stands at several paths, or is called several times, has one histogram of all.
    """
    modules = [(path, m) for path, m in model.named_modules() if wanted(m)]
    seen = {path: _Seen() for path, _ in modules}
    handles = [module.register_forward_pre_hook(seen[path]) for path, module in modules]
    try:
        run_through(model, images)
    finally:
        for handle in handles:
            handle.remove()
    return {path: found.histogram() for path, found in seen.items() if found.kept}
