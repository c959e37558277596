"""Concrete sizes for a graph's axes: example inputs for the exporter, and which axes stay open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from .config import InputConfig
from .plugins import Graph, Port

IMAGE_AXES = ("batch", "height", "width")
OPEN = (3, 5, 6, 7, 9)  # lengths of open axes in example inputs: no 1, which exporters specialise
SIDE = 64


def fixed_axes(config: InputConfig) -> dict[str, int]:
    """Sizes of the image's axes that the configuration fixes, by symbol."""
    size = config.preprocess.size or (None, None)
    axes = dict(zip(IMAGE_AXES, (config.batch, *size), strict=True))
    return {symbol: length for symbol, length in axes.items() if length is not None}


def resolve(port: Port, fixed: Mapping[str, int]) -> tuple[int | str, ...]:
    """The port's shape with fixed symbols replaced by their length."""
    return tuple(fixed.get(side, side) if isinstance(side, str) else side for side in port.shape)


def dynamic_axes(graph: Graph, fixed: Mapping[str, int]) -> dict[str, dict[int, str]]:
    """Symbols of the axes that stay open, by input or output name and axis."""
    axes = {}
    for port in (*graph.inputs, *graph.outputs):
        shape = resolve(port, fixed)
        axes[port.name] = {axis: side for axis, side in enumerate(shape) if isinstance(side, str)}
    return {name: symbols for name, symbols in axes.items() if symbols}


def examples(graph: Graph, fixed: Mapping[str, int]) -> tuple[Tensor, ...]:
    """Example inputs in order, seeded: every open axis gets a length of its own where it can."""
    lengths: dict[str, int] = dict(fixed)
    generator = torch.Generator().manual_seed(0)
    tensors = []
    for port in graph.inputs:
        for axis, side in enumerate(port.shape):
            if isinstance(side, str) and side not in lengths:
                lengths[side] = SIDE if axis >= 2 else OPEN[len(lengths) % len(OPEN)]
        tensors.append(_random(port, lengths, generator))
    return tuple(tensors)


def _random(port: Port, lengths: Mapping[str, int], generator: torch.Generator) -> Tensor:
    shape: Sequence[int] = [lengths[s] if isinstance(s, str) else s for s in port.shape]
    return torch.randn(*shape, generator=generator).to(getattr(torch, port.dtype))
