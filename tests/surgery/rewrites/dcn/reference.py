"""Run times' plugin nodes of deformable convolutions for onnx's reference evaluator, in numpy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx.reference.op_run import OpRun

from surgery.graph.plugins import MMDEPLOY, TENSORRT, deform_conv_attributes

Array = NDArray[Any]


def deform_conv(
    image: Array,
    offset: Array,
    mask: Array,
    weight: Array,
    bias: Array | None,
    *,
    strides: Sequence[int],
    pads: Sequence[int],
    dilations: Sequence[int],
    group: int,
    offset_group: int,
) -> Array:
    """Deformable convolution in numpy, as DCNv2's equation 1 has it.

    Args:
        image: (N, C, H, W).
        offset: (N, 2 * g * taps, rows, columns), (dy, dx) per tap in input pixels.
        mask: (N, g * taps, rows, columns).
        weight: (O, C / group, kh, kw).
        bias: (O,) or None.
        strides, pads, dilations, group, offset_group: as in ONNX's DeformConv.

    Returns:
        (N, O, rows, columns) of the image's type.
    """
    batch, channels, height, width = image.shape
    outputs, _, kh, kw = weight.shape
    rows, columns = offset.shape[2:]
    delta = offset.reshape(batch, offset_group, kh, kw, 2, rows, columns).astype(np.float64)
    tap_y, tap_x, row, column = np.ogrid[:kh, :kw, :rows, :columns]
    y = delta[:, :, :, :, 0] + (tap_y * dilations[0] - pads[0] + row * strides[0])
    x = delta[:, :, :, :, 1] + (tap_x * dilations[1] - pads[1] + column * strides[1])
    pixels = image.reshape(batch, offset_group, channels // offset_group, -1)
    samples = np.zeros((*pixels.shape[:3], kh, kw, rows, columns))
    for i in (np.floor(y), np.floor(y) + 1):
        for j in (np.floor(x), np.floor(x) + 1):
            blend = (1 - np.abs(y - i)) * (1 - np.abs(x - j))
            inside = (i >= 0) & (i < height) & (j >= 0) & (j < width)
            index = np.clip(i, 0, height - 1) * width + np.clip(j, 0, width - 1)
            flat = index.astype(np.int64).reshape(batch, offset_group, 1, -1)
            found = np.take_along_axis(pixels, flat, axis=3).reshape(samples.shape)
            samples += found * (blend * inside)[:, :, None]
    samples *= mask.reshape(batch, offset_group, 1, kh, kw, rows, columns)
    grouped = samples.reshape(batch, group, -1, rows, columns)
    flat_weight = weight.reshape(group, outputs // group, -1).astype(np.float64)
    result = np.einsum("goi,ngirc->ngorc", flat_weight, grouped)
    result = result.reshape(batch, outputs, rows, columns)
    if bias is not None:
        result = result + bias.reshape(-1, 1, 1)
    output: Array = result.astype(image.dtype)
    return output


class _Plugin(OpRun):
    """A plugin's node for onnx's reference evaluator, in float64 inside."""

    def _run(
        self,
        image: Array,
        offset: Array,
        mask: Array,
        weight: Array,
        bias: Array | None = None,
        **attributes: Any,
    ) -> tuple[Array]:
        given = deform_conv_attributes(type(self).__name__, **attributes)
        return (deform_conv(image, offset, mask, weight, bias, **given),)


class DCNv2(_Plugin):
    """TensorRT-CenterNet's node."""

    op_domain = TENSORRT[0]


class MMCVModulatedDeformConv2d(_Plugin):
    """mmdeploy's node."""

    op_domain = MMDEPLOY[0]


REFERENCE_OPERATORS: list[type[OpRun]] = [DCNv2, MMCVModulatedDeformConv2d]
