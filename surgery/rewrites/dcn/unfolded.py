"""Deformable layers in plain torch that unfold their samples: ``p_conv``, ``m_conv``, ``conv``.

The layout of 4uiiurz1/pytorch-deform-conv-v2 and the many networks that hold a copy: ``p_conv``
predicts the offsets, all rows before all columns; ``m_conv``, if there is one, the mask; ``conv``,
whose stride is its kernel, sums over samples laid out side by side. The image is padded by a
ZeroPad2d and what is read beyond is read at its border, where it is zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .deform_layer import DeformLayer, Sampling
from .geometry import Geometry


@dataclass(frozen=True)
class _Sampler:
    offsets: nn.Module
    mask: nn.Module | None

    def __call__(self, x: Tensor) -> Sampling:
        predicted = self.offsets(x)
        rows, columns = predicted.chunk(2, 1)
        offset = torch.stack((rows, columns), 2).flatten(1, 2)
        return x, offset, None if self.mask is None else self.mask(x).sigmoid()


def unfolded(module: nn.Module) -> DeformLayer | None:
    """Return the layer that the attributes of ``module`` promise, or None."""
    offsets, mask, summing = (getattr(module, name, None) for name in ("p_conv", "m_conv", "conv"))
    stride = getattr(module, "stride", 1)
    padding = next((m for m in module.children() if isinstance(m, nn.ZeroPad2d)), None)
    if not (isinstance(offsets, nn.Module) and isinstance(summing, nn.Conv2d)):
        return None
    kernel = summing.kernel_size
    if summing.stride != kernel or padding is None or not isinstance(stride, int):
        return None
    if not isinstance(mask, nn.Module) or getattr(module, "modulation", True) is False:
        mask = None
    left, right, top, bottom = padding.padding
    if left != right or top != bottom:
        return None
    geometry = Geometry(
        summing.out_channels,
        summing.in_channels,
        (kernel[0], kernel[1]),
        (stride, stride),
        # the first tap of the first pixel is at 1 - kernel // 2 in the padded image
        (top - 1 + kernel[0] // 2, left - 1 + kernel[1] // 2),
        (1, 1),
        summing.groups,
        1,
    )
    children = {"p_conv": offsets, **({} if mask is None else {"m_conv": mask})}
    sampler = _Sampler(offsets, mask)
    return DeformLayer(
        summing.weight,
        summing.bias,
        geometry,
        mask is not None,
        None,
        None,
        ("x",),
        sampler,
        children,
    )
