"""Deformable convolution in ordinary operators: sample all taps at once, then convolve 1x1.

Sampling comes in two forms with the same result, bilinear with zeros outside the image: one
``grid_sample`` (ONNX GridSample, opset 16), or four gathers of whole pixels (ONNX Gather, any
opset). Sizes of the batch and of the images are read from the tensors, so exported graphs work for
all of them.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from .geometry import Geometry

Sampler = Callable[[Tensor, Tensor, Tensor], Tensor]


def tap_positions(geometry: Geometry, like: Tensor) -> Tensor:
    """Where the taps of the first output pixel read without an offset.

    Returns:
        (2, taps, 1, 1): y, then x, in input pixels; of the type and on the device of ``like``.
    """
    axes = [
        torch.arange(size, dtype=like.dtype, device=like.device) * dilation - padding
        for size, dilation, padding in zip(
            geometry.kernel, geometry.dilation, geometry.padding, strict=True
        )
    ]
    return torch.stack(torch.meshgrid(*axes, indexing="ij")).reshape(2, -1, 1, 1)


def sample_positions(
    offset: Tensor, taps: Tensor, stride: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """Where each tap of each output pixel reads: y and x, in input pixels.

    Args:
        offset: (N, 2 * g * taps, rows, columns), (dy, dx) per tap in input pixels.
        taps: of :func:`tap_positions`.
        stride: vertical before horizontal.

    Returns:
        y and x, each (N * g, taps, rows, columns).
    """
    rows, columns = offset.shape[2], offset.shape[3]
    delta = offset.reshape(-1, taps.shape[1], 2, rows, columns)
    row = torch.arange(rows, dtype=offset.dtype, device=offset.device).reshape(-1, 1)
    column = torch.arange(columns, dtype=offset.dtype, device=offset.device)
    y = delta[:, :, 0] + (taps[0] + row * stride[0])
    x = delta[:, :, 1] + (taps[1] + column * stride[1])
    return y, x


def sample_grid(image: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """Bilinear samples by one ``grid_sample``.

    Args:
        image: (N, C, H, W).
        y, x: (N, taps, rows, columns), pixels of ``image``.

    Returns:
        (N, C, taps * rows, columns).
    """
    height, width = image.shape[2], image.shape[3]
    # Pixel i has its centre at (2 i + 1) / size - 1; unlike the form with align_corners, which
    # divides by size - 1, this holds for images of one row or column too.
    grid = torch.stack(((x * 2 + 1) / width - 1, (y * 2 + 1) / height - 1), dim=-1).flatten(1, 2)
    return F.grid_sample(image, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def sample_gather(image: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """Bilinear samples by four gathers; arguments and result as of :func:`sample_grid`."""
    batch, channels, height, width = image.shape
    taps, rows, columns = y.shape[1:]
    pixels = image.permute(0, 2, 3, 1).reshape(-1, channels)
    first_pixel = torch.arange(batch, device=image.device) * (height * width)
    total: Tensor | None = None
    for row, vertical in _neighbours(y, height):
        start = row * width + first_pixel.reshape(-1, 1, 1, 1)
        for column, horizontal in _neighbours(x, width):
            corner = pixels.index_select(0, (start + column).reshape(-1))
            corner = corner * (vertical * horizontal).reshape(-1, 1)
            total = corner if total is None else total + corner
    assert total is not None
    return total.reshape(-1, taps * rows, columns, channels).permute(0, 3, 1, 2)


def _neighbours(position: Tensor, size: int) -> list[tuple[Tensor, Tensor]]:
    """Index and bilinear weight of the pixels before and after ``position`` along one axis.

    An index outside is clipped to the border and its weight is zero.
    """
    last = torch.full((), size - 1, dtype=position.dtype, device=position.device)
    before = position.floor()
    found = []
    for pixel in (before, before + 1):
        inside = torch.minimum(pixel.clamp(min=0), last)
        weight = (1 - (position - pixel).abs()) * (inside == pixel)
        found.append((inside.long(), weight))
    return found


def deform_conv2d(
    image: Tensor,
    offset: Tensor,
    mask: Tensor | None,
    weight: Tensor,
    bias: Tensor | None,
    geometry: Geometry,
    taps: Tensor,
    sampler: Sampler,
) -> Tensor:
    """Deformable convolution.

    Args:
        image: (N, C, H, W).
        offset: (N, 2 * g * taps, rows, columns), (dy, dx) per tap in input pixels.
        mask: (N, g * taps, rows, columns), or None.
        weight: (O, C / groups, kh, kw).
        bias: (O,) or None.
        geometry: sizes of the layer.
        taps: its :func:`tap_positions`.
        sampler: :func:`sample_grid` or :func:`sample_gather`.

    Returns:
        (N, O, rows, columns).
    """
    height, width = image.shape[2], image.shape[3]
    rows, columns = offset.shape[2], offset.shape[3]
    channels, maps = geometry.in_channels, geometry.taps
    deform_groups = geometry.deform_groups_of(offset)
    y, x = sample_positions(offset, taps, geometry.stride)
    if deform_groups > 1:
        image = image.reshape(-1, channels // deform_groups, height, width)
    samples = sampler(image, y, x)
    if mask is not None:
        samples = samples * mask.reshape(-1, 1, maps * rows, columns)
    samples = samples.reshape(-1, channels * maps, rows, columns)
    flat = weight.reshape(geometry.out_channels, -1, 1, 1)
    return F.conv2d(samples, flat, bias, groups=geometry.groups)
