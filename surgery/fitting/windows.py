"""Which kernel takes a deformable layer's place, and the first guess of its weights."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ..rewrites.dcn import DeformLayer, Geometry, OffsetStatistics
from ..rewrites.dcn.folded import fold
from ..rewrites.fitted import Window
from .network import Trace

LARGEST = 7


def window(geometry: Geometry, kernel: int) -> Window:
    """Return a kernel of at least ``kernel`` x ``kernel`` taps, centred on the layer's own."""
    growth = tuple(max(0, -(-(kernel - size) // 2)) for size in geometry.kernel)
    return Window(
        (geometry.kernel[0] + 2 * growth[0], geometry.kernel[1] + 2 * growth[1]),
        geometry.stride,
        (
            geometry.padding[0] + growth[0] * geometry.dilation[0],
            geometry.padding[1] + growth[1] * geometry.dilation[1],
        ),
        geometry.dilation,
        geometry.groups,
    )


def windows(
    trace: Trace, kernel: int, layers: Mapping[str, int] | None = None
) -> dict[str, Window]:
    """Choose the kernel of every deformable layer, by path; see Settings for the arguments."""
    if layers is not None:
        return {path: window(layer.geometry, layers[path]) for path, layer in trace.layers.items()}
    if kernel:
        return {path: window(layer.geometry, kernel) for path, layer in trace.layers.items()}
    chosen = {path: window(layer.geometry, 1) for path, layer in trace.layers.items()}
    spare = sum(_offset_cost(trace, path) for path in chosen)
    smallest_first = sorted(chosen, key=lambda path: trace.size[path][0] * trace.size[path][1])
    for size in range(3, LARGEST + 1, 2):
        for path in smallest_first:
            larger = window(trace.layers[path].geometry, size)
            extra = _cost(trace, path, larger) - _cost(trace, path, chosen[path])
            if 0 < extra <= spare:
                chosen[path], spare = larger, spare - extra
    return chosen


def _cost(trace: Trace, path: str, chosen: Window) -> int:
    """Multiply-adds of an ordinary convolution in this layer's place."""
    geometry, (rows, columns) = trace.layers[path].geometry, trace.size[path]
    per_pixel = geometry.out_channels * geometry.in_channels // geometry.groups * chosen.taps
    return per_pixel * rows * columns


def _offset_cost(trace: Trace, path: str) -> int:
    """Multiply-adds of the offset convolution, which the replacement does without."""
    convolution, (rows, columns) = trace.layers[path].offset_convolution, trace.size[path]
    return 0 if convolution is None else convolution.weight.numel() * rows * columns


def first_guess(layer: DeformLayer, chosen: Window, measured: OffsetStatistics | None) -> Tensor:
    """Mean mask and, within the kernel's reach, mean offsets folded into the layer's weights.

    Exact where they are constant (:mod:`surgery.rewrites.dcn.folded`). Without statistics, or for
    dilated layers, whose taps cannot take a fraction of a pixel, the offsets are left out.

    Returns:
        (O, C / groups, *chosen.kernel).
    """
    geometry = layer.geometry
    weight = layer.weight.detach().float().cpu()
    guess = weight.new_zeros(*weight.shape[:2], *chosen.kernel)
    if measured is None:
        return _placed(
            guess,
            weight,
            (chosen.kernel[0] - geometry.kernel[0]) // 2,
            (chosen.kernel[1] - geometry.kernel[1]) // 2,
        )
    if geometry.dilation != (1, 1):
        shift = torch.zeros_like(measured.mean_offset)
        measured = OffsetStatistics(measured.samples, shift, measured.mean_mask, measured.largest)
    folded, padding, _, _ = fold(weight, geometry, measured, max(chosen.kernel))
    top = chosen.padding[0] - padding[0]
    left = chosen.padding[1] - padding[1]
    if geometry.dilation != (1, 1):
        top, left = top // geometry.dilation[0], left // geometry.dilation[1]
    return _placed(guess, folded, top, left)


def _placed(canvas: Tensor, weight: Tensor, top: int, left: int) -> Tensor:
    """Put ``weight`` at a place in ``canvas``; what does not fit is cut off."""
    rows, columns = canvas.shape[2:]
    for row in range(weight.shape[2]):
        for column in range(weight.shape[3]):
            y, x = row + top, column + left
            if 0 <= y < rows and 0 <= x < columns:
                canvas[:, :, y, x] = weight[:, :, row, column]
    return canvas


def guesses(
    trace: Trace, chosen: Mapping[str, Window], measured: Mapping[str, OffsetStatistics]
) -> dict[str, Tensor]:
    """First guesses of all layers by path."""
    return {
        path: first_guess(layer, chosen[path], measured.get(path))
        for path, layer in trace.layers.items()
    }
