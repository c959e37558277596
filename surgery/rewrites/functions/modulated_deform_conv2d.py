"""mmcv's ``modulated_deform_conv2d``, called as a function, as an operator that exporters write.

``surgery.dcn`` replaces layers of class ModulatedDeformConv2d; a network that computes
offsets and mask itself and calls the function holds no such layer. The function is a
``torch.autograd.Function`` around compiled code: the dynamo exporter runs that on tensors without
values and ends with "The tensor has a non-zero number of elements, but its data is not allocated
yet". The TorchScript exporter writes mmcv's own node, for which ONNX Runtime has no kernel
("mmcv:MMCVModulatedDeformConv2d(-1) is not a registered function/op").

The stand-in calls the operator ``surgery::deform_conv2d``, which is mmcv's function under a name
that exporters see; the symbolic ``deform_conv`` writes it as DeformConv, ``deform_conv.decomposed``
below opset 19 in ordinary operators. Exact.
"""

from __future__ import annotations

import importlib

from torch import Tensor

from ...support.torch_compat import custom_op
from ..guard import Guard
from .base import Original, patch

Pair = int | tuple[int, int]


@custom_op("surgery::deform_conv2d")
def deform_conv2d_operator(
    input: Tensor,
    weight: Tensor,
    offset: Tensor,
    mask: Tensor,
    bias: Tensor,
    stride_h: int,
    stride_w: int,
    pad_h: int,
    pad_w: int,
    dilation_h: int,
    dilation_w: int,
    groups: int,
    offset_groups: int,
    use_mask: bool,
) -> Tensor:
    """mmcv's kernel; the arguments are those of ``torchvision::deform_conv2d``.

    Args:
        input: (N, C, H, W).
        weight: (O, C / groups, kh, kw).
        offset: (N, 2 g kh kw, h, w), (dy, dx) of each tap in pixels of the input.
        mask: (N, g kh kw, h, w).
        bias: (O,).
        stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w: of the convolution.
        groups: of the convolution.
        offset_groups: g, groups of channels with offsets of their own.
        use_mask: true, since mmcv's function always takes one.

    Returns:
        (N, O, h, w).
    """
    function = importlib.import_module("mmcv.ops.modulated_deform_conv")
    sizes = ((stride_h, stride_w), (pad_h, pad_w), (dilation_h, dilation_w))
    result: Tensor = function.ModulatedDeformConv2dFunction.apply(
        input, offset, mask, weight, bias, *sizes, groups, offset_groups
    )
    return result


@deform_conv2d_operator.register_fake
def _(
    input: Tensor,
    weight: Tensor,
    offset: Tensor,
    mask: Tensor,
    bias: Tensor,
    stride_h: int,
    stride_w: int,
    pad_h: int,
    pad_w: int,
    dilation_h: int,
    dilation_w: int,
    groups: int,
    offset_groups: int,
    use_mask: bool,
) -> Tensor:
    return input.new_empty(input.shape[0], weight.shape[0], offset.shape[2], offset.shape[3])


@patch(
    "mmcv.ops.modulated_deform_conv.modulated_deform_conv2d",
    name="function.modulated_deform_conv2d",
    summary="mmcv's modulated_deform_conv2d as an operator that both exporters write",
    guard=Guard(versions={"mmcv": ">=1.3"}),
)
def MODULATED_DEFORM_CONV2D(
    original: Original[..., Tensor],
    input: Tensor,
    offset: Tensor,
    mask: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
    groups: int = 1,
    deform_groups: int = 1,
) -> Tensor:
    """Arguments and result of ``mmcv.ops.modulated_deform_conv2d``."""
    sizes = [side for each in (stride, padding, dilation) for side in _pair(each)]
    shift = input.new_zeros(weight.shape[0]) if bias is None else bias
    result: Tensor = deform_conv2d_operator(
        input, weight, offset, mask, shift, *sizes, groups, deform_groups, True
    )
    return result


def _pair(value: Pair) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[1])
