"""Small networks with a deformable layer of each family that people have, with drawn weights.

Each is written anew from its family's published code or paper, which the docstring names; nothing
is copied. ``deform_conv2d`` stands for the functions of mmcv, DCNv2 and detectron2: a
``torch.autograd.Function`` that exporters do not know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from surgery.rewrites.dcn.calls import DeformCall
from surgery.rewrites.dcn.geometry import Geometry


class DeformConvFunction(torch.autograd.Function):
    """The function of a compiled extension, whose kernel is written in ordinary operators here."""

    @staticmethod
    def forward(
        ctx: Any, input: Tensor, offset: Tensor, mask: Tensor | None, weight: Tensor,
        bias: Tensor | None, stride: int, padding: int, dilation: int, groups: int,
        deform_groups: int,
    ) -> Tensor:  # fmt: skip
        sizes = ((stride, stride), (padding, padding), (dilation, dilation))
        geometry = Geometry.of(weight, *sizes, groups, deform_groups)
        call = DeformCall(input, offset, mask, weight, bias, geometry, lambda: input)
        return call.computed()


def deform_conv2d(
    x: Tensor, offset: Tensor, weight: Tensor, bias: Tensor | None, mask: Tensor | None = None
) -> Tensor:
    """Padding keeps the size."""
    groups, taps = x.shape[1] // weight.shape[1], weight.shape[2] * weight.shape[3]
    sizes = (1, weight.shape[2] // 2, 1, groups, offset.shape[1] // (2 * taps))
    return DeformConvFunction.apply(x, offset, mask, weight, bias, *sizes)


class Layer(nn.Module):
    """Weights and the offset convolution that most families share."""

    def __init__(self, channels: int = 8, kernel: int = 3, maps: int = 3) -> None:
        super().__init__()
        self.stride = self.padding = self.dilation = 1
        self.groups = self.deform_groups = self.deformable_groups = 1
        self.weight = nn.Parameter(torch.empty(channels, channels, kernel, kernel))
        self.bias = nn.Parameter(torch.empty(channels))
        self.conv_offset_mask = nn.Conv2d(channels, maps * kernel**2, 3, 1, 1)

    def split(self, predicted: Tensor) -> tuple[Tensor, Tensor]:
        """Offsets and the mask's logits."""
        taps = self.weight.shape[2] * self.weight.shape[3]
        return predicted[:, : 2 * taps], predicted[:, 2 * taps :]


class DCNv2(Layer):
    """``DCN`` of CharlesShang/DCNv2, as CenterNet and E2EC ship it."""

    def forward(self, input: Tensor) -> Tensor:
        offset, mask = self.split(self.conv_offset_mask(input))
        return deform_conv2d(input, offset, self.weight, self.bias, mask.sigmoid())


class YoloDCNv2(DCNv2):
    """``DCNv2`` of YOLO forks: BatchNorm and SiLU behind it, in the layer."""

    def __init__(self) -> None:
        super().__init__()
        self.bn, self.act = nn.BatchNorm2d(8), nn.SiLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.bn(super().forward(x)))


class BoundedOffsets(Layer):
    """Offsets of at most four pixels: ``4 * tanh``."""

    def forward(self, x: Tensor) -> Tensor:
        offset, mask = self.split(self.conv_offset_mask(x))
        return deform_conv2d(x, 4 * offset.tanh(), self.weight, self.bias, mask.sigmoid())


class SoftmaxMask(Layer):
    """A mask that sums to one over the taps, as in DCNv3."""

    def forward(self, x: Tensor) -> Tensor:
        offset, mask = self.split(self.conv_offset_mask(x))
        return deform_conv2d(x, offset, self.weight, self.bias, mask.softmax(1))


class Detectron2(Layer):
    """detectron2's ``DeformBottleneckBlock``: norm and activation in ``ModulatedDeformConv``."""

    class Inner(Layer):
        """forward(x, offset, mask)."""

        def __init__(self) -> None:
            super().__init__()
            del self.conv_offset_mask
            self.norm = nn.BatchNorm2d(8)

        def forward(self, x: Tensor, offset: Tensor, mask: Tensor) -> Tensor:
            return self.norm(deform_conv2d(x, offset, self.weight, self.bias, mask)).relu()

    def __init__(self) -> None:
        super().__init__()
        del self.weight, self.bias, self.conv_offset_mask
        self.conv2_offset, self.conv2 = nn.Conv2d(8, 27, 3, 1, 1), self.Inner()

    def forward(self, x: Tensor) -> Tensor:
        predicted = self.conv2_offset(x)
        return self.conv2(x, predicted[:, :18], predicted[:, 18:].sigmoid())


class BiRefNet(nn.Module):
    """``ASPPDeformable`` of BiRefNet: kernels 1, 3 and 7, masks up to two, side by side."""

    class Branch(nn.Module):
        """offset_conv, modulator_conv, regular_conv."""

        def __init__(self, kernel: int) -> None:
            super().__init__()
            self.offset_conv = nn.Conv2d(8, 2 * kernel**2, kernel, padding=kernel // 2)
            self.modulator_conv = nn.Conv2d(8, kernel**2, kernel, padding=kernel // 2)
            self.regular_conv = nn.Conv2d(8, 8, kernel, padding=kernel // 2, bias=False)

        def forward(self, x: Tensor) -> Tensor:
            mask = 2 * self.modulator_conv(x).sigmoid()
            return deform_conv2d(x, self.offset_conv(x), self.regular_conv.weight, None, mask)

    def __init__(self) -> None:
        super().__init__()
        self.branches = nn.ModuleList(self.Branch(kernel) for kernel in (1, 3, 7))
        self.mix = nn.Conv2d(24, 8, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.mix(torch.cat([branch(x) for branch in self.branches], 1))


class PureTorch(nn.Module):
    """``DeformConv2d`` of 4uiiurz1/pytorch-deform-conv-v2: p_conv, m_conv, gathers, conv."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel_size, self.padding, self.stride, self.modulation = 3, 1, 1, True
        self.zero_padding = nn.ZeroPad2d(1)
        self.p_conv, self.m_conv = (nn.Conv2d(8, maps, 3, 1, 1) for maps in (18, 9))
        self.conv = nn.Conv2d(8, 8, 3, 3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        offset, mask = self.p_conv(x), self.m_conv(x).sigmoid()
        padded = self.zero_padding(x)
        height, width = padded.shape[2:]
        rows, columns = offset.shape[2:]
        tap = torch.arange(9, dtype=x.dtype, device=x.device).reshape(1, 9, 1, 1)
        y = offset[:, :9] + tap.div(3, rounding_mode="floor")
        z = offset[:, 9:] + tap.remainder(3)
        y = (y + torch.arange(rows, dtype=x.dtype).reshape(1, 1, -1, 1)).clamp(0, height - 1)
        z = (z + torch.arange(columns, dtype=x.dtype)).clamp(0, width - 1)
        flat, total = padded.flatten(2), torch.zeros(())
        for i in (y.floor(), (y.floor() + 1).clamp(max=height - 1)):
            for j in (z.floor(), (z.floor() + 1).clamp(max=width - 1)):
                index = (i * width + j).long().flatten(1).unsqueeze(1).expand(-1, 8, -1)
                part = flat.gather(2, index).reshape(x.shape[0], 8, 9, rows, columns)
                share = (1 - (y - i).abs()).clamp(min=0) * (1 - (z - j).abs()).clamp(min=0)
                total = total + part * share.unsqueeze(1)
        total = total * mask.unsqueeze(1)
        grid = total.reshape(x.shape[0], 8, 3, 3, rows, columns).permute(0, 1, 4, 2, 5, 3)
        return self.conv(grid.reshape(x.shape[0], 8, 3 * rows, 3 * columns))


class EDVR(Layer):
    """EDVR's first alignment: one argument, a list of features and what the offsets come from."""

    def forward(self, x: list[Tensor]) -> Tensor:
        offset, mask = self.split(self.conv_offset_mask(x[1]))
        return deform_conv2d(x[0], offset, self.weight, self.bias, mask.sigmoid())


class EDVRAlign(nn.Module):
    """The layer between features and a mix of them."""

    def __init__(self) -> None:
        super().__init__()
        self.mix, self.dcn = nn.Conv2d(16, 8, 3, 1, 1), EDVR()

    def forward(self, x: Tensor) -> Tensor:
        return self.dcn([x, self.mix(torch.cat((x, x.flip(1)), 1))])


class BasicVSRPP(Layer):
    """BasicVSR++: several convolutions predict bounded residues, to which a flow is added."""

    def __init__(self) -> None:
        super().__init__()
        del self.conv_offset_mask
        self.flow = nn.Conv2d(8, 2, 3, 1, 1)
        self.conv_offset = nn.Sequential(
            nn.Conv2d(18, 8, 3, 1, 1), nn.LeakyReLU(0.1), nn.Conv2d(8, 27, 3, 1, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        flow = self.flow(x)
        predicted = self.conv_offset(torch.cat((x, x.roll(1, 1), flow), 1))
        offset = 10 * predicted[:, :18].tanh() + flow.flip(1).repeat(1, 9, 1, 1)
        return deform_conv2d(x, offset, self.weight, self.bias, predicted[:, 18:].sigmoid())


class TOOD(nn.Module):
    """TOOD's ``deform_sampling``: constant weights of one, a group a channel, no mask."""

    def __init__(self) -> None:
        super().__init__()
        self.offset = nn.Conv2d(8, 2, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        weight = x.new_ones(x.shape[1], 1, 1, 1)
        return deform_conv2d(x, self.offset(x), weight, None)


class SharedTwice(nn.Module):
    """A layer called twice in one forward, on two levels, as detection heads share theirs."""

    def __init__(self) -> None:
        super().__init__()
        self.dcn = BoundedOffsets()

    def forward(self, x: Tensor) -> Tensor:
        small = self.dcn(F.avg_pool2d(x, 2))
        return self.dcn(x) + F.interpolate(small, scale_factor=2.0, mode="nearest")


class Network(nn.Module):
    """A stem, a layer, a head: (N, 3, H, W) -> (N, 2, H / 2, W / 2)."""

    def __init__(self, layer: nn.Module, seed: int = 0) -> None:
        super().__init__()
        self.stem, self.layer, self.head = nn.Conv2d(3, 8, 3, 2, 1), layer, nn.Conv2d(8, 2, 1)
        generator = torch.Generator().manual_seed(seed)
        for parameter in self.parameters():
            parameter.data.copy_(torch.randn(parameter.shape, generator=generator) * 0.25)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                for statistic in (module.running_mean, module.running_var):
                    assert statistic is not None
                    statistic.copy_(torch.rand(statistic.shape, generator=generator) + 0.5)
        self.eval()

    def forward(self, image: Tensor) -> Tensor:
        return self.head(self.layer(self.stem(image)).relu())


FAMILIES: Mapping[str, Callable[[], Any]] = {
    "CharlesShang DCNv2": DCNv2,
    "YOLO fork's DCNv2 (norm, SiLU inside)": YoloDCNv2,
    "bounded offsets": BoundedOffsets,
    "softmax mask": SoftmaxMask,
    "detectron2 (norm, ReLU inside)": Detectron2,
    "BiRefNet ASPPDeformable": BiRefNet,
    "pure torch, p_conv and m_conv": PureTorch,
    "EDVR alignment (a list)": EDVRAlign,
    "BasicVSR++ alignment": BasicVSRPP,
    "TOOD deform_sampling": TOOD,
    "one layer on two levels": SharedTwice,
}
