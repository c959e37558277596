"""Fold the mean offset and the mean mask of a deformable layer into one ordinary convolution.

A tap that always reads at the same fractional displacement is a bilinear blend of four whole
pixels, so its weight can be spread over them: with S the bilinear spread of tap k of deformable
group g onto the integer grid and m its mean mask,

    w'[o, c, :, :] = sum_k  w[o, c, k] * m[g(c), k] * S[g(c), k, :, :]

is a larger kernel of dilation 1, padded by as much as it grew at either side. Where offset and mask
are constant the result is the layer's own, borders included; elsewhere it is an approximation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from postprocess.errors import InputError

from ..base import Context, Match, Replacement
from ..traits import CONVOLUTION, Traits
from .geometry import Geometry
from .layer import convolution, described, match_deform
from .statistics import OffsetStatistics

MAX_KERNEL = 7
_SNAP = 1e-5  # pixels: what is closer to a whole pixel than this is taken to lie on it
TRAITS = Traits(offsets=True, leaves=CONVOLUTION.leaves)


@dataclass(frozen=True)
class Folded:
    """Conv with mean offset and mask folded in; context.options["max_kernel"] limits its size."""

    name: str = "dcn.folded"
    exact: bool = False
    summary: str = "Conv with each tap's mean offset and mean mask folded into its weights"
    min_opset: int = 1
    traits: Traits = TRAITS

    def match(self, module: nn.Module) -> Match:
        """Accept every deformable convolution that is recognised."""
        return match_deform(module)

    def replacement(self, module: nn.Module, path: str, context: Context) -> Replacement:
        """Return the convolution; the ledger gets its size and the share of weight moved inside.

        Raises:
            InputError: no finite statistics of this layer in ``context.calibration``.
        """
        layer = described(module)
        measured = _measured(path, context)
        limit = int(context.options.get("max_kernel", MAX_KERNEL))
        weight, padding, dilation, clipped = fold(layer.weight, layer.geometry, measured, limit)
        note = f"{weight.shape[2]}x{weight.shape[3]} kernel"
        if clipped:
            note += f", {clipped:.1%} of the weight moved inside: max_kernel={limit} is too small"
        effect = {
            "kernel_height": float(weight.shape[2]),
            "kernel_width": float(weight.shape[3]),
            "clipped": clipped,
        }
        made = convolution(layer, weight, padding=padding, dilation=dilation)
        return Replacement(made, note=note, effect=effect)


def _measured(path: str, context: Context) -> OffsetStatistics:
    measured = context.calibration.get(OffsetStatistics, path)
    if measured is None:
        raise InputError(
            f"dcn.folded needs the offset statistics of layer {path!r}, got "
            f"{context.calibration.types_at(path)}: pass "
            "calibration=statistics(model, images) of images that reach it"
        )
    if not (measured.mean_offset.isfinite().all() and measured.mean_mask.isfinite().all()):
        raise InputError(f"the offsets of layer {path!r} are not finite: check the checkpoint")
    return measured


def fold(
    weight: Tensor, geometry: Geometry, measured: OffsetStatistics, max_kernel: int
) -> tuple[Tensor, tuple[int, int], tuple[int, int], float]:
    """Spread a layer's weight over the pixels that its taps read on average.

    Args:
        weight: (O, C / groups, kh, kw).
        geometry: sizes of the layer.
        measured: its mean offset and mask.
        max_kernel: largest kernel height and width; a layer that reaches farther already keeps its
            reach. Taps that would read beyond are moved to the kernel's border.

    Returns:
        The new weight, its padding, its dilation, and the share of the absolute weight whose taps
        were moved.
    """
    mask, shift = measured.mean_mask, measured.mean_offset
    shift = torch.where((shift - shift.round()).abs() < _SNAP, shift.round(), shift)
    if not shift.any():
        same = torch.eye(geometry.taps, dtype=torch.float64).reshape(-1, *geometry.kernel)
        scaled = _spread(weight, geometry, mask[:, :, None, None] * same)
        return scaled, geometry.padding, geometry.dilation, 0.0
    growth, blends = [0, 0], []
    beyond = torch.zeros(mask.shape, dtype=torch.bool)
    for axis, tap in enumerate(_tap_indices(geometry)):
        position = tap * geometry.dilation[axis] + shift[..., axis]
        growth[axis] = _growth(position, axis, geometry, max_kernel)
        size = geometry.extent[axis] + 1 + 2 * growth[axis]
        index = position + growth[axis]
        beyond |= (index < 0) | (index > size - 1)
        distance = index.clamp(0, size - 1)[..., None] - torch.arange(size)
        blends.append((1 - distance.abs()).clamp(min=0))
    folded = _spread(weight, geometry, torch.einsum("gt,gty,gtx->gtyx", mask, *blends))
    mass = _spread(weight.abs(), geometry, mask.abs()[:, :, None, None]).sum()
    moved = _spread(weight.abs(), geometry, (mask.abs() * beyond)[:, :, None, None]).sum()
    padding = (geometry.padding[0] + growth[0], geometry.padding[1] + growth[1])
    return folded, padding, (1, 1), float(moved / mass) if beyond.any() else 0.0


def _tap_indices(geometry: Geometry) -> tuple[Tensor, Tensor]:
    """Row and column of each tap in the kernel."""
    tap = torch.arange(geometry.taps)
    return tap // geometry.kernel[1], tap % geometry.kernel[1]


def _spread(weight: Tensor, geometry: Geometry, spread: Tensor) -> Tensor:
    """Sum over a channel's taps of weight times ``spread`` (g, taps, rows, columns) of its group.

    Returns:
        (O, C / groups, rows, columns), of the weight's type and on its device.
    """
    shares = geometry.in_channels // spread.shape[0]
    group_of_input = (torch.arange(geometry.in_channels) // shares).reshape(geometry.groups, -1)
    group = group_of_input.repeat_interleave(geometry.out_channels // geometry.groups, dim=0)
    taps = weight.detach().cpu().double().flatten(2)
    result = taps.new_empty(*group.shape, *spread.shape[2:])
    for index, one in enumerate(spread):
        chosen = group == index
        result[chosen] = torch.einsum("nt,tyx->nyx", taps[chosen], one)
    return result.to(weight)


def _growth(position: Tensor, axis: int, geometry: Geometry, max_kernel: int) -> int:
    """By how many pixels the kernel grows at either end, negative where it can shrink."""
    extent, padding = geometry.extent[axis], geometry.padding[axis]
    needed = max(-math.floor(position.min()), math.ceil(position.max()) - extent)
    allowed = max((max_kernel - extent - 1) // 2, 0)
    return min(max(needed, -padding, -(extent // 2)), allowed)


FOLDED = Folded()
