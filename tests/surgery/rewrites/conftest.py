"""Deformable layers of every layout that is recognised, and what they must compute."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn


def deform_reference(
    x: Tensor,
    offset: Tensor,
    mask: Tensor | None,
    weight: Tensor,
    bias: Tensor | None,
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
    groups: int,
) -> Tensor:
    """Equation 1 of Deformable ConvNets v2 in float64, tap by tap and corner by corner."""
    kh, kw = weight.shape[2:]
    batch, channels, height, width = x.shape
    rows, columns = offset.shape[2:]
    delta = offset.double().reshape(batch, -1, kh * kw, 2, rows, columns)
    share = channels // delta.shape[1]
    samples = torch.zeros(batch, channels, kh * kw, rows, columns, dtype=torch.float64)
    row = torch.arange(rows)[:, None] * stride[0] - padding[0]
    column = torch.arange(columns)[None, :] * stride[1] - padding[1]
    for g in range(delta.shape[1]):
        of_group = slice(g * share, (g + 1) * share)
        flat = x[:, of_group].double().flatten(2)
        for k in range(kh * kw):
            y = delta[:, g, k, 0] + row + (k // kw) * dilation[0]
            z = delta[:, g, k, 1] + column + (k % kw) * dilation[1]
            for i in (y.floor(), y.floor() + 1):
                for j in (z.floor(), z.floor() + 1):
                    share_of_pixel = (1 - (y - i).abs()) * (1 - (z - j).abs())
                    inside = (i >= 0) & (i < height) & (j >= 0) & (j < width)
                    index = (i.clamp(0, height - 1) * width + j.clamp(0, width - 1)).long()
                    index = index.flatten(1)[:, None].expand(-1, share, -1)
                    pixel = flat.gather(2, index).reshape(batch, share, rows, columns)
                    samples[:, of_group, k] += pixel * (share_of_pixel * inside)[:, None]
            if mask is not None:
                samples[:, of_group, k] *= mask[:, None, g * kh * kw + k].double()
    flat_weight = weight.double().reshape(weight.shape[0], -1, 1, 1)
    y = F.conv2d(samples.flatten(1, 2), flat_weight, None, groups=groups)
    if bias is not None:
        y = y + bias.double().reshape(1, -1, 1, 1)
    return y.to(x.dtype)


class CharlesShangDCN(nn.Module):
    """Attributes and forward of DCN in CharlesShang/DCNv2 (as CenterNet and e2ec ship it)."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        self.in_channels, self.out_channels = case.channels, case.outputs
        self.kernel_size = case.kernel
        # DCNv2 keeps what it was given: integers where both sides are the same
        self.stride = _single(case.stride)
        self.padding = _single(case.padding)
        self.dilation = _single(case.dilation)
        self.deformable_groups = case.deform_groups
        self.weight = nn.Parameter(torch.empty(case.outputs, case.channels, *case.kernel))
        self.bias = nn.Parameter(torch.empty(case.outputs))
        self.conv_offset_mask = nn.Conv2d(
            case.channels,
            case.deform_groups * 3 * case.kernel[0] * case.kernel[1],
            case.kernel,
            case.stride,
            case.padding,
            case.dilation,
        )
        self.case = case

    def forward(self, input: Tensor) -> Tensor:
        o1, o2, mask = torch.chunk(self.conv_offset_mask(input), 3, dim=1)
        offset = torch.cat((o1, o2), dim=1)
        return self.case.compute(input, offset, mask.sigmoid(), self.weight, self.bias)


class TorchvisionDeformConv2d(nn.Module):
    """Attributes and forward of torchvision.ops.DeformConv2d."""

    def __init__(self, case: Case, bias: bool = True) -> None:
        super().__init__()
        self.in_channels, self.out_channels = case.channels, case.outputs
        self.kernel_size, self.stride = case.kernel, case.stride
        self.padding, self.dilation, self.groups = case.padding, case.dilation, case.groups
        shape = case.outputs, case.channels // case.groups, *case.kernel
        self.weight = nn.Parameter(torch.empty(shape))
        self.bias = nn.Parameter(torch.empty(case.outputs)) if bias else None
        self.case = case

    def forward(self, input: Tensor, offset: Tensor, mask: Tensor | None = None) -> Tensor:
        return self.case.compute(input, offset, mask, self.weight, self.bias)


def _single(pair: tuple[int, int]) -> Any:
    return pair[0] if pair[0] == pair[1] else pair


@dataclass(frozen=True)
class Case:
    """One deformable layer: its layout and its sizes, vertical before horizontal."""

    layout: str
    kernel: tuple[int, int] = (3, 3)
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    deform_groups: int = 1
    channels: int = 4
    outputs: int = 6

    def compute(
        self, x: Tensor, offset: Tensor, mask: Tensor | None, weight: Tensor, bias: Tensor | None
    ) -> Tensor:
        return deform_reference(
            x,
            offset,
            mask,
            weight,
            bias,
            self.stride,
            self.padding,
            self.dilation,
            self.groups,
        )

    def build(self, offset_scale: float = 2.0, seed: int = 0) -> nn.Module:
        """Return the layer with random weights and offsets of a few pixels that vary by place."""
        layer = self._layer()
        generator = torch.Generator().manual_seed(seed)
        for name, parameter in layer.named_parameters():
            scale = 0.3
            if name.startswith("conv_offset"):
                scale = 0.1 * offset_scale if name.endswith("weight") else offset_scale
            parameter.data = scale * torch.randn(parameter.shape, generator=generator)
        return layer.eval()

    def _layer(self) -> nn.Module:
        if self.layout == "charlesshang":
            return CharlesShangDCN(self)
        if self.layout == "torchvision":
            return TorchvisionDeformConv2d(self)
        if self.layout == "torchvision_unbiased":
            return TorchvisionDeformConv2d(self, bias=False)
        ops = pytest.importorskip("mmcv.ops", reason="mmcv is not installed", exc_type=ImportError)
        return getattr(ops, self.layout)(
            self.channels,
            self.outputs,
            self.kernel,
            self.stride,
            self.padding,
            self.dilation,
            self.groups,
            self.deform_groups,
        )

    @property
    def maps(self) -> int:
        return self.deform_groups * self.kernel[0] * self.kernel[1]

    def arguments(
        self, batch: int = 1, size: tuple[int, int] = (9, 7), seed: int = 1
    ) -> tuple[Tensor, ...]:
        """Return random arguments of the layer's forward: input, offset and mask if taken."""
        generator = torch.Generator().manual_seed(seed)
        x = torch.randn(batch, self.channels, *size, generator=generator)
        if self.layout in PACKS:
            return (x,)
        rows, columns = (
            (n + 2 * p - d * (k - 1) - 1) // s + 1
            for n, p, d, k, s in zip(
                size, self.padding, self.dilation, self.kernel, self.stride, strict=True
            )
        )
        offset = 3 * torch.randn(batch, 2 * self.maps, rows, columns, generator=generator)
        if self.layout == "DeformConv2d":
            return x, offset
        return x, offset, torch.rand(batch, self.maps, rows, columns, generator=generator)


PACKS = ("charlesshang", "ModulatedDeformConv2dPack", "DeformConv2dPack")
LAYOUTS = (
    *PACKS,
    "torchvision",
    "torchvision_unbiased",
    "ModulatedDeformConv2d",
    "DeformConv2d",
)


@pytest.fixture(params=LAYOUTS)
def layout(request: pytest.FixtureRequest) -> str:
    """Every layout that is recognised; those of mmcv skip where it is not installed."""
    if request.param not in ("charlesshang", "torchvision", "torchvision_unbiased"):
        pytest.importorskip("mmcv.ops", reason="mmcv is not installed", exc_type=ImportError)
    return str(request.param)


@pytest.fixture(scope="session")
def case() -> Callable[..., Case]:
    """Build a :class:`Case` from a layout and sizes."""
    return Case
