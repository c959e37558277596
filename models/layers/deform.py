"""Modulated deformable convolution (DCNv2) in plain PyTorch, and the layer that learns its offsets.

Zhu et al., "Deformable ConvNets v2: More Deformable, Better Results" (CVPR 2019), equation 1:

    y(p) = sum_k  w_k * x(p + p_k + offset_k(p)) * mask_k(p)

where `x` between pixels is bilinear, with zeros outside the image.  All kh * kw taps are read by
one `grid_sample` over a grid of height kh * kw * H_out, and summed by one matrix product over
(channel, tap).  That is exact, differentiable, an order of magnitude faster on the CPU than a
kernel that walks pixel by pixel, and exports as ordinary ONNX operators from opset 16 on.
"""

from __future__ import annotations

import math
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .guards import in_onnx_export
from .mmcv_ops import find_mmcv_ops

Pair = tuple[int, int]


def _pair(value: int | Pair) -> Pair:
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def _check_channels(
    x: Tensor, offset: Tensor, mask: Tensor | None, weight: Tensor, groups: int
) -> None:
    channels, taps = x.shape[1], weight.shape[2] * weight.shape[3]
    deform_groups, rest = divmod(offset.shape[1], 2 * taps)
    if rest or deform_groups == 0:
        raise ValueError(
            f"offset has {offset.shape[1]} channels; a {weight.shape[2]}x{weight.shape[3]} kernel "
            f"expects a multiple of {2 * taps} (dy, dx per tap and deformable group)"
        )
    if mask is not None and mask.shape[1] != deform_groups * taps:
        raise ValueError(
            f"mask has {mask.shape[1]} channels, expected {deform_groups * taps}: one per tap and "
            f"deformable group of an offset with {offset.shape[1]} channels"
        )
    if channels != weight.shape[1] * groups or channels % deform_groups:
        raise ValueError(
            f"input has {channels} channels; weight {tuple(weight.shape)} with groups={groups} "
            f"expects {weight.shape[1] * groups}, divisible by {deform_groups} deformable groups"
        )


def _sampling_grid(
    delta: Tensor, size: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair
) -> Tensor:
    """Where each tap of each output pixel reads.

    delta: (B, taps, 2, H_out, W_out) in pixels, dy before dx; size: (H, W) of the input.
    Returns (B, taps * H_out, W_out, 2) as `grid_sample(align_corners=False)` takes it.
    """
    batch, taps, _, rows, columns = delta.shape
    height, width = size
    arange = partial(torch.arange, dtype=delta.dtype, device=delta.device)
    tap_y = (arange(kernel[0]) * dilation[0]).repeat_interleave(kernel[1])
    tap_x = (arange(kernel[1]) * dilation[1]).repeat(kernel[0])
    row = arange(rows) * stride[0] - padding[0]
    column = arange(columns) * stride[1] - padding[1]
    # Pixel i's centre lies at (2 i + 1) / size - 1: right for every size, 1 included, where the
    # align_corners=True form would divide by size - 1.
    y = (2 * (tap_y[:, None] + row[None, :]) + 1) / height - 1
    x = (2 * (tap_x[:, None] + column[None, :]) + 1) / width - 1
    grid = torch.stack(
        (
            delta[:, :, 1] * (2 / width) + x[:, None, :],
            delta[:, :, 0] * (2 / height) + y[:, :, None],
        ),
        dim=-1,
    )
    return grid.reshape(batch, taps * rows, columns, 2)


def deform_conv2d(
    x: Tensor,
    offset: Tensor,
    mask: Tensor | None,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    stride: int | Pair = 1,
    padding: int | Pair = 0,
    dilation: int | Pair = 1,
    groups: int = 1,
) -> Tensor:
    """Deformable convolution; the arguments mean what torchvision's and mmcv's mean.

    x: (N, C, H, W).  weight: (O, C / groups, kh, kw).  bias: (O,) or None.
    offset: (N, G * 2 * kh * kw, H_out, W_out), pixels, (dy, dx) per tap; G deformable groups share
    the channels of `x` evenly.  mask: (N, G * kh * kw, H_out, W_out), applied as it comes, or None.
    Returns (N, O, H_out, W_out).

    Raises ValueError where the channels do not fit each other.
    """
    if not torch._C._get_tracing_state():
        _check_channels(x, offset, mask, weight, groups)
    batch, channels, height, width = x.shape
    out_channels, group_channels, *kernel = weight.shape
    rows, columns = offset.shape[2:]
    taps = kernel[0] * kernel[1]
    deform_groups = offset.shape[1] // (2 * taps)
    # Every size is spelled out: torch.export cannot solve for a -1 among symbolic ones.
    planes = batch * deform_groups
    grid = _sampling_grid(
        offset.reshape(planes, taps, 2, rows, columns),
        (height, width),
        (kernel[0], kernel[1]),
        _pair(stride),
        _pair(padding),
        _pair(dilation),
    )
    samples = F.grid_sample(
        x.reshape(planes, channels // deform_groups, height, width),
        grid,
        mode="bilinear",
        padding_mode="zeros",
        align_corners=False,
    )
    if mask is not None:
        samples = samples * mask.reshape(planes, 1, taps * rows, columns)
    # One batched matrix product per group; on the CPU its backward beats that of a 1x1 convolution.
    patches = samples.reshape(batch, groups, group_channels * taps, rows * columns)
    kernels = weight.reshape(groups, out_channels // groups, group_channels * taps)
    output = torch.matmul(kernels, patches).reshape(batch, out_channels, rows, columns)
    return output if bias is None else output + bias[:, None, None]


class DCN(nn.Module):
    """DCNv2 layer: an ordinary convolution predicts the offsets and the mask of a deformable one.

    Parameter names follow CharlesShang/DCNv2: `weight`, `bias`, `conv_offset_mask.{weight,bias}`.
    The first two thirds of `conv_offset_mask`'s channels are offsets, (dy, dx) per tap; the last
    third is the mask before its sigmoid.  Offsets start at zero and masks at one half.
    On CUDA mmcv's kernel does the work where it is installed.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Pair = 3,
        stride: int | Pair = 1,
        padding: int | Pair = 1,
        dilation: int | Pair = 1,
        deformable_groups: int = 1,
    ) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = _pair(kernel_size)
        self.stride = _pair(stride)
        self.padding = _pair(padding)
        self.dilation = _pair(dilation)
        self.groups = 1
        self.deformable_groups = deformable_groups
        taps = self.kernel_size[0] * self.kernel_size[1]
        bound = 1.0 / math.sqrt(in_channels * taps)
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, *self.kernel_size))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        nn.init.uniform_(self.weight, -bound, bound)
        self.conv_offset_mask = nn.Conv2d(
            in_channels,
            deformable_groups * 3 * taps,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
        )
        nn.init.zeros_(self.conv_offset_mask.weight)
        assert self.conv_offset_mask.bias is not None
        nn.init.zeros_(self.conv_offset_mask.bias)

    def offset_and_mask(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What the layer predicts for `x` (N, C, H, W).

        Returns offset (N, G * 2 * taps, H_out, W_out) in pixels and mask (N, G * taps, H_out,
        W_out) from 0 to 1.
        """
        taps = self.deformable_groups * self.kernel_size[0] * self.kernel_size[1]
        predicted = self.conv_offset_mask(x)
        return predicted[:, : 2 * taps], predicted[:, 2 * taps :].sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) -> (N, out_channels, H_out, W_out)."""
        offset, mask = self.offset_and_mask(x)
        if x.is_cuda and not in_onnx_export():
            ops = find_mmcv_ops()
            if ops is not None:
                # The kernel reads memory as contiguous, whatever the strides say.
                output: Tensor = ops.modulated_deform_conv2d(
                    x.contiguous(),
                    offset.contiguous(),
                    mask.contiguous(),
                    self.weight.contiguous(),
                    self.bias,
                    self.stride,
                    self.padding,
                    self.dilation,
                    self.groups,
                    self.deformable_groups,
                )
                return output
        return deform_conv2d(
            x,
            offset,
            mask,
            self.weight,
            self.bias,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            groups=self.groups,
        )
