"""Concrete sizes for a graph's axes: example inputs for the exporter, and which axes stay open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from postprocess.instances import Array

from ..config.run import InputConfig
from .contract import Graph, Port

IMAGE_AXES = ("batch", "height", "width")
OPEN_BATCH = 2  # exporters specialise an axis of length 1
OPEN = (3, 5, 6, 7, 9)  # lengths of open axes in other inputs, each its own where that is possible
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


def examples(graph: Graph, fixed: Mapping[str, int], image: Array) -> tuple[Tensor, ...]:
    """Example inputs in order: the picture where the graph takes one, seeded noise elsewhere.

    A network may amplify rounding without bound on noise, so that no check of it would mean
    anything; on a picture it does what it was made for.

    Args:
        image: (1, 3, h, w), what the backbone sees; repeated to the batch.
    """
    if graph.name == "backbone":
        batch = fixed.get("batch", OPEN_BATCH)
        return (torch.from_numpy(np.repeat(image, batch, axis=0)),)
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
