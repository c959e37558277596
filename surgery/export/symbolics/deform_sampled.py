"""Deformable convolution that a network calls as a function, in GatherElements and a 1x1 Conv.

Below opset 19 ONNX has no DeformConv, and no exporter writes ``torchvision.ops.deform_conv2d``:
TorchScript ends with an UnsupportedOperatorError, dynamo with "No ONNX function found" or, where
torchvision is installed, with "No schema registered for 'DeformConv' version '18'". At opset 19 and
later ``deform_conv`` writes DeformConv, which most targets lack: an export at opset 18 or below is
the way to those.

Each tap of each output pixel is a bilinear sample (Dai et al., "Deformable Convolutional Networks",
2017, equations 2 to 4) at y = stride * row + dilation * tap - pad + dy, and x likewise. With
g(q, p) = relu(1 - |q - p|) it is the sum of g(qy, y) g(qx, x) image[qy, qx] over the four pixels
around it, where a pixel outside of the image counts zero. All taps are read at once and multiplied
by the mask; the weight over (channel, tap) is a 1x1 convolution. Exact to float rounding, for every
offset. The sizes of the image and of the output may be open, the number of channels not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .base import Nodes, Value
from .deform_conv import ARGUMENTS, OPERATORS, kernel
from .shapes import known_channels

END = 2**63 - 1  # of a Slice up to the last element


@dataclass(frozen=True)
class _Decomposed:
    name: str = "deform_conv.decomposed"
    summary: str = "deformable convolution below opset 19 as GatherElements and a 1x1 Conv"
    operators: tuple[str, ...] = OPERATORS
    arguments: tuple[str, ...] = ARGUMENTS
    opsets: range = range(11, 19)
    exact: bool = True

    def translate(
        self,
        nodes: Nodes,
        x: Value,
        weight: Value,
        offset: Value,
        mask: Value,
        bias: Value,
        stride_y: int,
        stride_x: int,
        pad_y: int,
        pad_x: int,
        dilation_y: int,
        dilation_x: int,
        groups: int,
        offset_groups: int,
        use_mask: bool,
    ) -> Value:
        """Arguments and result of ``deform_conv``."""
        op, constant = nodes.op, nodes.constant
        outputs, rows, columns = kernel(nodes, weight, self.name)
        channels = known_channels(nodes, x, self.name)
        tap_y, tap_x = np.meshgrid(
            np.arange(rows) * dilation_y - pad_y, np.arange(columns) * dilation_x - pad_x,
            indexing="ij",
        )  # fmt: skip
        along_y = _read(nodes, x, offset, 0, [*tap_y.flat] * offset_groups, stride_y)
        along_x = _read(nodes, x, offset, 1, [*tap_x.flat] * offset_groups, stride_x)
        each = channels // offset_groups
        image = op("Reshape", x, constant([0, offset_groups, each, -1]))
        by_group = constant([0, offset_groups, 1, -1])
        width = _side(nodes, x, 3)
        corners = []
        for row, weight_y in along_y:
            for column, weight_x in along_x:
                place = op("Reshape", op("Add", op("Mul", row, width), column), by_group)
                place = op("Expand", place, constant([1, 1, each, 1]))
                share = op("Reshape", op("Mul", weight_y, weight_x), by_group)
                corners.append(op("Mul", op("GatherElements", image, place, axis=3), share))
        first, second, third, last = corners
        taps = op("Add", op("Add", first, second), op("Add", third, last))
        if use_mask:
            taps = op("Mul", taps, op("Reshape", mask, by_group))
        flat = op("Reshape", taps, _output_shape(nodes, offset, channels * rows * columns))
        matrix = op("Reshape", weight, constant([outputs, -1, 1, 1]))
        return op("Conv", flat, matrix, bias, kernel_shape=[1, 1], group=groups)


def _side(nodes: Nodes, x: Value, axis: int) -> Value:
    """The size of one axis, a number."""
    size = (nodes.shape(x) or (None,) * 4)[axis]
    if size is not None:
        return nodes.constant(size)
    return nodes.op("Gather", nodes.op("Shape", x), nodes.constant(axis), axis=0)


def _read(
    nodes: Nodes, x: Value, offset: Value, part: int, taps: Sequence[int], stride: int
) -> list[tuple[Value, Value]]:
    """Along y (part 0) or x (part 1): the two pixels that each tap reads, and their weights.

    Returns:
        indices, int64 and inside the image, and weights, each (N, g taps, h, w).
    """
    op, constant = nodes.op, nodes.constant
    axis = 2 + part
    moved = op("Slice", offset, constant([part]), constant([END]), constant([1]), constant([2]))
    steps = op("Range", constant(0), _side(nodes, offset, axis), constant(1))
    steps = op("Mul", nodes.cast(steps, offset), constant(float(stride), offset))
    steps = op("Reshape", steps, constant([1, 1, -1, 1] if part == 0 else [1, 1, 1, -1]))
    still = constant(np.asarray(taps, np.float32).reshape(1, -1, 1, 1), offset)
    place = op("Add", op("Add", moved, still), steps)
    zero, one = constant(0.0, offset), constant(1.0, offset)
    last = op("Sub", nodes.cast(_side(nodes, x, axis), offset), one)
    before = op("Floor", place)
    found = []
    for pixel in (before, op("Add", before, one)):
        inside = op("Min", op("Max", pixel, zero), last)
        near = op("Sub", one, op("Abs", op("Sub", place, pixel)))
        seen = nodes.cast(op("Equal", inside, pixel), offset)
        found.append((nodes.cast(inside), op("Mul", near, seen)))
    return found


def _output_shape(nodes: Nodes, offset: Value, channels: int) -> Value:
    sides = (nodes.shape(offset) or (None,) * 4)[2:]
    if None not in sides:
        return nodes.constant([-1, channels, *(int(side or 0) for side in sides)])
    open_sides = nodes.op(
        "Slice", nodes.op("Shape", offset), nodes.constant([2]), nodes.constant([4])
    )
    return nodes.op("Concat", nodes.constant([-1, channels]), open_sides, axis=0)


DECOMPOSED = _Decomposed()
