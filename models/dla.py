"""DLA-34 with deformable upsampling and dense heads: e2ec's, Deep Snake's, CenterNet's backbone.

Yu et al., "Deep Layer Aggregation" (CVPR 2018): residual blocks joined by trees (hierarchical
aggregation), then iterative aggregation upwards; Zhou et al., "Objects as Points" (2019), put
DCNv2 into the upward path.  Parameter names are those of the published checkpoints.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .layers.dcn import ConvFactory
from .layers.deform import DCN

CHANNELS = (16, 32, 64, 128, 256, 512)
FIRST_LEVEL = 2  # of the pyramid that is decoded: stride 4
LAST_LEVEL = 5
HEATMAP_PRIOR = -2.19  # bias for which sigmoid is 0.1: focal loss starts calm


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut that the caller may supply."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor, shortcut: Tensor) -> Tensor:
        """(N, C_in, H, W), shortcut (N, C_out, H/stride, W/stride) -> shape of the shortcut."""
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + shortcut)


class Root(nn.Module):
    """Where the branches of a tree meet: concatenation, 1x1 convolution, BatchNorm, ReLU."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.bn = nn.BatchNorm2d(out_channels)

    def forward(self, branches: Sequence[Tensor]) -> Tensor:
        """Branches (N, C_i, H, W) -> (N, C_out, H, W)."""
        return F.relu(self.bn(self.conv(torch.cat(tuple(branches), dim=1))))


class Tree(nn.Module):
    """Aggregation tree of `levels` levels over `2 ** levels` blocks.

    `carried` is the width of what the root receives besides the two blocks' own outputs.
    """

    def __init__(
        self,
        levels: int,
        in_channels: int,
        out_channels: int,
        stride: int = 1,
        *,
        keep_input: bool = False,
        carried: int = 0,
    ) -> None:
        super().__init__()
        self.levels = levels
        self.keep_input = keep_input
        carried += in_channels if keep_input else 0
        self.downsample = nn.MaxPool2d(stride, stride) if stride > 1 else nn.Identity()
        self.project: nn.Module = nn.Identity()
        if in_channels != out_channels:
            # Published checkpoints hold a projection for every tree, though only the lowest level
            # uses its own; the others keep theirs for the names.
            self.project = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, bias=False), nn.BatchNorm2d(out_channels)
            )
        if levels == 1:
            self.tree1: nn.Module = BasicBlock(in_channels, out_channels, stride)
            self.tree2: nn.Module = BasicBlock(out_channels, out_channels)
            self.root = Root(2 * out_channels + carried, out_channels)
        else:
            self.tree1 = Tree(levels - 1, in_channels, out_channels, stride)
            self.tree2 = Tree(
                levels - 1, out_channels, out_channels, carried=carried + out_channels
            )

    def forward(self, x: Tensor, carried: Sequence[Tensor] = ()) -> Tensor:
        """(N, C_in, H, W), earlier outputs for the root -> (N, C_out, H/stride, W/stride)."""
        carried = list(carried)
        if self.keep_input:
            carried.append(self.downsample(x))
        output: Tensor
        if self.levels == 1:
            first = self.tree1(x, self.project(self.downsample(x)))
            second = self.tree2(first, first)
            output = self.root([second, first, *carried])
        else:
            first = self.tree1(x)
            output = self.tree2(first, [*carried, first])
        return output


def _conv_level(in_channels: int, out_channels: int, kernel: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel, stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )


class DLA34(nn.Module):
    """The downward path: six levels at strides 1, 2, 4, 8, 16, 32."""

    def __init__(self, channels: Sequence[int] = CHANNELS) -> None:
        super().__init__()
        self.base_layer = _conv_level(3, channels[0], 7, 1)
        self.level0 = _conv_level(channels[0], channels[0], 3, 1)
        self.level1 = _conv_level(channels[0], channels[1], 3, 2)
        self.level2 = Tree(1, channels[1], channels[2], 2)
        self.level3 = Tree(2, channels[2], channels[3], 2, keep_input=True)
        self.level4 = Tree(2, channels[3], channels[4], 2, keep_input=True)
        self.level5 = Tree(1, channels[4], channels[5], 2, keep_input=True)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, image: Tensor) -> list[Tensor]:
        """(N, 3, H, W) -> six maps (N, channels[i], H / 2**i, W / 2**i)."""
        x = self.base_layer(image)
        levels = []
        for level in (
            self.level0, self.level1, self.level2, self.level3, self.level4, self.level5,
        ):  # fmt: skip
            x = level(x)
            levels.append(x)
        return levels


class DeformBlock(nn.Module):
    """Deformable 3x3 convolution, BatchNorm, ReLU."""

    def __init__(self, in_channels: int, out_channels: int, dcn: ConvFactory) -> None:
        super().__init__()
        self.actf = nn.Sequential(nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True))
        self.conv = dcn(in_channels, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C_in, H, W) -> (N, C_out, H, W)."""
        y: Tensor = self.actf(self.conv(x))
        return y


def _bilinear_upsampling(channels: int, factor: int) -> nn.ConvTranspose2d:
    """Per-channel transposed convolution that starts as bilinear interpolation."""
    size = 2 * factor
    up = nn.ConvTranspose2d(
        channels, channels, size, stride=factor, padding=factor // 2, groups=channels, bias=False
    )
    hat = 1 - (torch.arange(size) - (size - 1) / 2).abs() / factor
    with torch.no_grad():
        up.weight.copy_((hat[:, None] * hat[None, :]).expand_as(up.weight))
    return up


class IDAUp(nn.Module):
    """Iterative aggregation: project, upsample, add to the finer map, fuse; once for each map."""

    def __init__(
        self,
        out_channels: int,
        in_channels: Sequence[int],
        factors: Sequence[int],
        dcn: ConvFactory,
    ) -> None:
        super().__init__()
        for index in range(1, len(in_channels)):
            self.add_module(f"proj_{index}", DeformBlock(in_channels[index], out_channels, dcn))
            self.add_module(f"up_{index}", _bilinear_upsampling(out_channels, factors[index]))
            self.add_module(f"node_{index}", DeformBlock(out_channels, out_channels, dcn))

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Maps from fine to coarse -> as many maps, all with the size of the first."""
        fused = [maps[0]]
        for index, coarse in enumerate(maps[1:], start=1):
            project = self.get_submodule(f"proj_{index}")
            upsample = self.get_submodule(f"up_{index}")
            node = self.get_submodule(f"node_{index}")
            fused.append(node(upsample(project(coarse)) + fused[-1]))
        return fused


class DLAUp(nn.Module):
    """Repeated aggregation from the coarsest level up; one map for each stride comes out."""

    def __init__(self, channels: Sequence[int], dcn: ConvFactory) -> None:
        super().__init__()
        for index in range(len(channels) - 1):
            # All coarser maps have by now the width and the stride of the next level up.
            width, above = channels[-index - 2 :][:2]
            self.add_module(
                f"ida_{index}",
                IDAUp(width, (width, *[above] * (index + 1)), (1, *[2] * (index + 1)), dcn),
            )

    def forward(self, levels: Sequence[Tensor]) -> list[Tensor]:
        """Levels from fine to coarse -> the aggregated map at each of their strides, fine first."""
        aggregated = [levels[-1]]
        joined = [levels[-1]]
        for index, level in enumerate(reversed(levels[:-1])):
            joined = self.get_submodule(f"ida_{index}")([level, *joined])
            aggregated.insert(0, joined[-1])
        return aggregated


class DLASeg(nn.Module):
    """DLA-34 with dense heads at stride 4.

    heads: name -> channels; each head is conv 3x3, ReLU, conv 1x1 with `head_conv` between.
    A head whose name contains `hm` is a heatmap and starts at a probability of 0.1.
    The feature map has `channels[2]` channels.
    """

    def __init__(
        self,
        heads: Mapping[str, int],
        channels: Sequence[int] = CHANNELS,
        head_conv: int = 256,
        dcn: ConvFactory = DCN,
    ) -> None:
        super().__init__()
        self.heads = dict(heads)
        self.base = DLA34(channels)
        self.dla_up = DLAUp(channels[FIRST_LEVEL:], dcn)
        joined = channels[FIRST_LEVEL:LAST_LEVEL]
        self.ida_up = IDAUp(joined[0], joined, [2**i for i in range(len(joined))], dcn)
        for name, width in heads.items():
            last = nn.Conv2d(head_conv, width, 1)
            assert last.bias is not None
            nn.init.constant_(last.bias, HEATMAP_PRIOR if "hm" in name else 0.0)
            first = nn.Conv2d(joined[0], head_conv, 3, padding=1)
            self.add_module(name, nn.Sequential(first, nn.ReLU(inplace=True), last))

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """(N, 3, H, W), H and W multiples of 32 -> the heads in their order, then the feature map.

        Every output is (N, channels, H/4, W/4); heads are raw (logits, no activation).
        """
        levels = self.base(image)[FIRST_LEVEL:]
        pyramid = self.dla_up(levels)[: LAST_LEVEL - FIRST_LEVEL]
        feature: Tensor = self.ida_up(pyramid)[-1]
        return (*(self.get_submodule(name)(feature) for name in self.heads), feature)
