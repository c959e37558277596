"""Sizes of a deformable convolution."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

Pair = tuple[int, int]


@dataclass(frozen=True)
class Geometry:
    """Sizes of a deformable convolution, vertical before horizontal.

    ``deform_groups`` is None where only the offset given in a call shows it (torchvision).
    """

    out_channels: int
    in_channels: int
    kernel: Pair
    stride: Pair
    padding: Pair
    dilation: Pair
    groups: int
    deform_groups: int | None

    @classmethod
    def of(
        cls,
        weight: Tensor,
        stride: Pair,
        padding: Pair,
        dilation: Pair,
        groups: int,
        deform_groups: int | None,
    ) -> Geometry:
        """Sizes of a layer whose weight is (O, C / groups, kh, kw)."""
        out_channels, group_channels, rows, columns = (int(side) for side in weight.shape)
        channels, kernel = group_channels * groups, (rows, columns)
        return cls(out_channels, channels, kernel, stride, padding, dilation, groups, deform_groups)

    @property
    def taps(self) -> int:
        """Number of kernel elements."""
        return self.kernel[0] * self.kernel[1]

    @property
    def extent(self) -> Pair:
        """Rows and columns from the first tap to the last."""
        (rows, columns), (kh, kw) = self.dilation, self.kernel
        return rows * (kh - 1), columns * (kw - 1)

    def deform_groups_of(self, offset: Tensor) -> int:
        """Deformable groups of a call with this ``offset`` (N, 2 * g * taps, H, W)."""
        return self.deform_groups or int(offset.shape[1]) // (2 * self.taps)

    def output_size(self, rows: int, columns: int) -> Pair:
        """Rows and columns of the output for an image of ``rows`` and ``columns``."""
        (down, across), (top, left) = self.stride, self.padding
        extent = self.extent
        return (rows + 2 * top - extent[0] - 1) // down + 1, (
            columns + 2 * left - extent[1] - 1
        ) // across + 1
