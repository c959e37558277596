"""Bilinear weights of all taps at once, in Conv, Relu, Mul, Add and Slice; see :mod:`.shifted`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

from .graph_value import Value, conv2d
from .reach import Span

Image = TypeVar("Image", Tensor, Value)


class Hats(nn.Module):
    """Turns offsets into the weights of whole displacements, along both axes of every tap.

    Args:
        spans: of each tap of each deformable group.
        channels: of the tensor that starts with the offsets.
        like: gives the type and the device.
    """

    step_weight: Tensor
    step_bias: Tensor
    outer_weight: Tensor
    outer_bias: Tensor
    inner_weight: Tensor
    inner_bias: Tensor
    mask_weight: Tensor

    def __init__(self, spans: Sequence[Span], channels: int, like: Tensor) -> None:
        super().__init__()
        axes = [(s.top, s.bottom, s.left, s.right) for s in spans]
        self.outer_sizes: list[int] = []
        self.inner_sizes: list[int] = []
        steps: list[tuple[int, int]] = []  # channel of the offset, whole displacement
        rows: dict[str, list[tuple[int, int, int]]] = {"outer": [], "inner": []}
        mask_rows: list[int] = []
        for tap, (top, bottom, left, right) in enumerate(axes):
            upright = bottom - top > right - left
            ends = ((2 * tap, top, bottom), (2 * tap + 1, left, right))
            for name, (channel, low, high) in zip(
                ("inner", "outer") if upright else ("outer", "inner"), ends, strict=True
            ):
                size = high - low + 1
                (self.outer_sizes if name == "outer" else self.inner_sizes).append(size)
                rows[name] += [(len(steps), position, size) for position in range(size)]
                mask_rows += [tap] * size if name == "outer" else []
                steps += [(channel, low + i) for i in range(size - 1)]
        constants = {
            "step_weight": _chosen([channel for channel, _ in steps], channels, -1.0),
            "step_bias": torch.tensor([1.0 + whole for _, whole in steps]),
            "mask_weight": _chosen(mask_rows, len(spans), 1.0),
        }
        for name, places in rows.items():
            weight = torch.zeros(len(places), len(steps), 1, 1)
            bias = torch.zeros(len(places))
            for row, (start, position, size) in enumerate(places):
                if position == 0:
                    bias[row] = 1.0
                else:
                    weight[row, start + position - 1] = 1.0
                if position < size - 1:
                    weight[row, start + position] = -1.0
            constants |= {f"{name}_weight": weight, f"{name}_bias": bias}
        for name, value in constants.items():
            self.register_buffer(name, value.to(like), persistent=False)

    def forward(
        self, offset: Image, mask: Image | None
    ) -> tuple[list[list[Image]], list[list[Image]]]:
        """Weights along the shorter and along the longer axis.

        Args:
            offset: (N, channels, H, W), its first channels (dy, dx) per tap in input pixels.
            mask: (N, taps, H, W) or None; it multiplies the former.

        Returns:
            For each tap, for each displacement along the axis: (N, 1, H, W).
        """
        steps = (conv2d(offset, self.step_weight, self.step_bias).relu() * -1 + 1).relu()
        outer = conv2d(steps, self.outer_weight, self.outer_bias)
        if mask is not None:
            outer = outer * conv2d(mask, self.mask_weight)
        inner = conv2d(steps, self.inner_weight, self.inner_bias)
        return _split(outer, self.outer_sizes), _split(inner, self.inner_sizes)


def _chosen(indices: Sequence[int], channels: int, value: float) -> Tensor:
    """Weight of a 1x1 convolution whose outputs are ``value`` times the inputs ``indices``."""
    weight = torch.zeros(len(indices), channels, 1, 1)
    weight[torch.arange(len(indices)), torch.tensor(indices)] = value
    return weight


def _split(maps: Image, sizes: Sequence[int]) -> list[list[Image]]:
    split = []
    start = 0
    for size in sizes:
        split.append([maps[:, i : i + 1] for i in range(start, start + size)])
        start += size
    return split
