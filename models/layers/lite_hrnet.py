"""Lite-HRNet in its plain form: branches of shuffle units, fused after every module.

Yu et al., "Lite-HRNet: A Lightweight High-Resolution Network" (CVPR 2021), section 3.1, "naive
Lite-HRNet": ShuffleNet's units in HRNet's layout.  Parameter names and arithmetic follow
PaddleDetection (ppdet/modeling/backbones/lite_hrnet.py, network type `wider_naive`); BatchNorm's
statistics are called as PyTorch calls them (`running_mean` for Paddle's `_mean`).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTHS = (40, 80, 160, 320)  # of the branches at strides 8, 16, 32, 64 of the stem's input
MODULES = (2, 4, 2)  # of the stages with two, three and four branches
UNITS = 2  # shuffle units of a branch in one module
STEM = 32


def channel_shuffle(x: Tensor) -> Tensor:
    """Interleave the two halves of the channels: (N, C, H, W), C even -> the same shape."""
    batch, channels, height, width = x.shape
    halves = x.reshape(batch, 2, channels // 2, height, width)
    return halves.transpose(1, 2).reshape(batch, channels, height, width)


def _halves(x: Tensor, half: int) -> tuple[Tensor, Tensor]:
    """(N, 2 * half, H, W) -> both halves of the channels, as slices: they export as such."""
    return x[:, :half], x[:, half:]


class ConvNorm(nn.Module):
    """Convolution without bias, BatchNorm, and ReLU where asked for."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int = 1,
        stride: int = 1,
        groups: int = 1,
        relu: bool = False,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            in_channels, out_channels, kernel, stride, kernel // 2, groups=groups, bias=False
        )
        self.norm = nn.BatchNorm2d(out_channels)
        self.relu = relu

    def forward(self, x: Tensor) -> Tensor:
        """(N, C_in, H, W) -> (N, C_out, H / stride, W / stride)."""
        y: Tensor = self.norm(self.conv(x))
        return F.relu(y) if self.relu else y


def _depthwise(channels: int, stride: int = 1) -> ConvNorm:
    return ConvNorm(channels, channels, 3, stride, groups=channels)


def _separable(in_channels: int, out_channels: int, stride: int, relu: bool) -> nn.Sequential:
    """Depthwise and pointwise convolution as a flat sequence, whose names are numbers."""
    depthwise = nn.Conv2d(
        in_channels, in_channels, 3, stride, padding=1, groups=in_channels, bias=False
    )
    layers: list[nn.Module] = [
        depthwise,
        nn.BatchNorm2d(in_channels),
        nn.Conv2d(in_channels, out_channels, 1, bias=False),
        nn.BatchNorm2d(out_channels),
    ]
    return nn.Sequential(*layers, *([nn.ReLU()] if relu else []))


class Stem(nn.Module):
    """Image at stride 1 -> `channels` at stride 4: a convolution and a strided shuffle unit."""

    def __init__(self, channels: int = STEM) -> None:
        super().__init__()
        half = channels // 2
        self.width = half
        self.conv1 = ConvNorm(3, channels, 3, stride=2, relu=True)
        self.branch1 = nn.Sequential(_depthwise(half, 2), ConvNorm(half, half, relu=True))
        self.expand_conv = ConvNorm(half, channels, relu=True)
        self.depthwise_conv = _depthwise(channels, 2)
        self.linear_conv = ConvNorm(channels, half, relu=True)

    def forward(self, image: Tensor) -> Tensor:
        """(N, 3, H, W) -> (N, channels, H/4, W/4)."""
        first, second = _halves(self.conv1(image), self.width)
        first = self.branch1(first)
        second = self.linear_conv(self.depthwise_conv(self.expand_conv(second)))
        return channel_shuffle(torch.cat((first, second), dim=1))


class ShuffleUnit(nn.Module):
    """ShuffleNetV2's unit: half of the channels pass, the others are convolved, both are mixed."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.width = half
        self.branch2 = nn.Sequential(
            ConvNorm(half, half, relu=True), _depthwise(half), ConvNorm(half, half, relu=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) -> the same shape."""
        kept, worked = _halves(x, self.width)
        return channel_shuffle(torch.cat((kept, self.branch2(worked)), dim=1))


def _fuse(widths: Sequence[int], source: int, target: int) -> nn.Module:
    """From one branch's map to another's: up by nearest neighbour, down by strided convolutions."""
    if source == target:
        return nn.Identity()
    if source > target:
        return nn.Sequential(
            nn.Conv2d(widths[source], widths[target], 1, bias=False),
            nn.BatchNorm2d(widths[target]),
            nn.Upsample(scale_factor=float(2 ** (source - target)), mode="nearest"),
        )
    halvings = target - source
    ends = [widths[source]] * halvings + [widths[target]]
    return nn.Sequential(
        *(
            _separable(before, after, 2, relu=index < halvings)
            for index, (before, after) in enumerate(pairwise(ends), start=1)
        )
    )


class FusionModule(nn.Module):
    """Shuffle units on every branch, then every branch receives all others."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        branches = range(len(widths))
        self.layers = nn.ModuleList(
            nn.Sequential(*(ShuffleUnit(width) for _ in range(UNITS))) for width in widths
        )
        self.fuse_layers = nn.ModuleList(
            nn.ModuleList(_fuse(widths, source, target) for source in branches)
            for target in branches
        )

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Maps from fine to coarse -> as many of the same shapes.

        Two oddities of the trained network are kept: the finest branch's share counts twice, and
        the coarser branches receive the finest one after its own fusion.
        """
        maps = [layer(x) for layer, x in zip(self.layers, maps, strict=True)]
        finest = maps[0]
        fused = []
        for target, sources in enumerate(self.fuse_layers):
            first, *others = sources.children()
            share = first(finest)
            total = share + share
            for source, x in zip(others, maps[1:], strict=True):
                total = total + source(x)
            if target == 0:
                finest = total
            fused.append(F.relu(total))
        return fused


class SeparableConv(nn.Module):
    """Depthwise and pointwise convolution of the head, each with BatchNorm; ReLU at the end."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.depthwise_conv = _depthwise(in_channels)
        self.pointwise_conv = ConvNorm(in_channels, out_channels, relu=True)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C_in, H, W) -> (N, C_out, H, W)."""
        y: Tensor = self.pointwise_conv(self.depthwise_conv(x))
        return y


class IterativeHead(nn.Module):
    """From coarse to fine: each map is joined with the one before, enlarged, and projected."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        narrowing = [*reversed(widths), widths[0]]
        self.projects = nn.ModuleList(SeparableConv(*pair) for pair in pairwise(narrowing))

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Maps from fine to coarse -> the finest (N, widths[0], H, W)."""
        coarse, *finer = reversed(maps)
        joined: Tensor = self.projects[0](coarse)
        for project, x in zip(list(self.projects)[1:], finer, strict=True):
            size = x.shape[-2:]
            x = x + F.interpolate(joined, size, mode="bilinear", align_corners=True)
            joined = project(x)
        return joined


class LiteHRNet(nn.Module):
    """The whole backbone: image (N, 3, H, W) -> features (N, widths[0], H/4, W/4)."""

    def __init__(self, widths: Sequence[int] = WIDTHS, stem: int = STEM) -> None:
        super().__init__()
        self.stem = Stem(stem)
        branches = [stem]
        for stage, modules in enumerate(MODULES):
            wider = widths[: stage + 2]
            self.add_module(f"transition{stage}", _transition(branches, wider))
            fusion = nn.Sequential(*(FusionModule(wider) for _ in range(modules)))
            self.add_module(f"stage{stage}", fusion)
            branches = list(wider)
        self.head_layer = IterativeHead(branches)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, image: Tensor) -> Tensor:
        """(N, 3, H, W), sides multiples of 32 -> (N, widths[0], H/4, W/4)."""
        maps = [self.stem(image)]
        for stage in range(len(MODULES)):
            transition = self.get_submodule(f"transition{stage}").children()
            maps = [step(x) for step, x in zip(transition, [*maps, maps[-1]], strict=True)]
            maps = self.get_submodule(f"stage{stage}")(maps)
        features: Tensor = self.head_layer(maps)
        return features


def _transition(before: Sequence[int], after: Sequence[int]) -> nn.ModuleList:
    """Carry every branch over to its new width, and start one more from the coarsest."""
    carried = [
        nn.Identity() if old == new else _separable(old, new, 1, relu=True)
        for old, new in zip(before, after, strict=False)
    ]
    started = nn.Sequential(_separable(before[-1], after[-1], 2, relu=True))
    return nn.ModuleList([*carried, started])
