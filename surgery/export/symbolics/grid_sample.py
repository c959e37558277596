"""``grid_sample`` of images below opset 16, where ONNX has no GridSample.

The TorchScript exporter stops ("Exporting the operator 'aten::grid_sampler' to ONNX opset version
15 is not supported"), and so does the conversion that dynamo needs ("GridSample exists from opset
16 on"). Accelerators that have no GridSample at any opset refuse it, too: an export at opset 15 or
below is the way to those that have GatherElements.

Arithmetic as in torch (ATen/native/GridSampler.h): a coordinate g in [-1, 1] becomes the pixel

    align_corners:  (g + 1) * (size - 1) / 2          otherwise:  ((g + 1) * size - 1) / 2

Padding: ``border`` clips it to [0, size - 1]; ``reflection`` folds it with period 2 * span between
the first and the last pixel's centre (align_corners) or outer edge, then clips; for ``zeros`` a
pixel beyond the image counts with weight 0. ``bilinear`` then blends four pixels, ``nearest`` takes
the one that rounding half to even gives, all through GatherElements on the flattened image. Exact
to float rounding. Bicubic sampling and volumes are refused with one line.

No Pad and no Div: ONNX's version converter has no way back for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from postprocess.errors import InputError

from .base import Nodes, Value

BILINEAR, NEAREST = 0, 1
ZEROS, REFLECTION = 0, 2


class _Axis(NamedTuple):
    """Where to read along one axis of the image: two pixels, or one for ``nearest``.

    indices: int64, each inside the image.
    weights: one for each index; None for 1.
    """

    indices: tuple[Value, ...]
    weights: tuple[Value | None, ...]


@dataclass(frozen=True)
class _GridSample:
    name: str = "grid_sample"
    summary: str = "grid_sample below opset 16 (bilinear, nearest; every padding) as GatherElements"
    operators: tuple[str, ...] = ("aten::grid_sampler", "aten::grid_sampler_2d")
    arguments: tuple[str, ...] = ("v", "v", "i", "i", "b")
    opsets: range = range(11, 16)
    exact: bool = True

    def translate(
        self, nodes: Nodes, image: Value, grid: Value, mode: int, padding: int, align: bool
    ) -> Value:
        """Sample image (N, C, H, W) at grid (N, h, w, 2: x, y in [-1, 1]) -> (N, C, h, w)."""
        if nodes.rank(image) not in (4, None):
            raise InputError("grid_sample of volumes is not written below opset 20: raise it")
        if mode not in (BILINEAR, NEAREST):
            raise InputError("bicubic grid_sample is not written below opset 16: raise it")
        op, constant = nodes.op, nodes.constant
        shape = op("Shape", image)
        width, height = _size(nodes, shape, 3), _size(nodes, shape, 2)
        along_x = _axis(nodes, width, _part(nodes, grid, 0), mode, padding, align)
        along_y = _axis(nodes, height, _part(nodes, grid, 1), mode, padding, align)
        flat = op("Reshape", image, constant([0, 0, -1]))
        samples = [
            [_pixels(nodes, flat, shape, y, x, width) for x in along_x.indices]
            for y in along_y.indices
        ]
        rows = [_blend(nodes, row, along_x.weights) for row in samples]
        sampled = _blend(nodes, rows, along_y.weights)
        leading = op("Slice", shape, constant([0]), constant([2]))
        sides = op("Slice", op("Shape", grid), constant([1]), constant([3]))
        return op("Reshape", sampled, op("Concat", leading, sides, axis=0))


def _size(nodes: Nodes, shape: Value, axis: int) -> Value:
    return nodes.op("Gather", shape, nodes.constant(axis), axis=0)


def _part(nodes: Nodes, grid: Value, index: int) -> Value:
    """One coordinate of the grid, flattened: (N, 1, h * w)."""
    part = nodes.op("Gather", grid, nodes.constant(index), axis=3)
    return nodes.op("Reshape", part, nodes.constant([0, 1, -1]))


def _axis(
    nodes: Nodes, size: Value, coordinate: Value, mode: int, padding: int, align: bool
) -> _Axis:
    op, constant = nodes.op, nodes.constant
    one, half = constant(1.0, coordinate), constant(0.5, coordinate)
    length = nodes.cast(size, coordinate)
    last = op("Sub", length, one)
    scaled = op("Mul", op("Add", coordinate, one), op("Mul", last if align else length, half))
    pixel = scaled if align else op("Sub", scaled, half)
    if padding == REFLECTION:
        pixel = _reflected(nodes, pixel, last if align else length, align)
    zero = constant(0.0, coordinate)
    lowest, highest = (constant(-1.0, coordinate), length) if padding == ZEROS else (zero, last)
    pixel = op("Min", op("Max", pixel, lowest), highest)  # beyond that, nothing changes any more
    ends: tuple[Value, ...]
    weights: tuple[Value | None, ...]
    if mode == NEAREST:
        ends, weights = (op("Round", pixel),), (None,)
    else:
        floor = op("Floor", pixel)
        second = op("Sub", pixel, floor)
        ends, weights = (floor, op("Add", floor, one)), (op("Sub", one, second), second)
    inside = [op("Min", op("Max", end, zero), last) for end in ends]
    if padding == ZEROS:
        seen = [nodes.cast(op("Equal", *pair), pixel) for pair in zip(ends, inside, strict=True)]
        weights = tuple(
            mask if weight is None else op("Mul", weight, mask)
            for weight, mask in zip(weights, seen, strict=True)
        )
    return _Axis(tuple(nodes.cast(end) for end in inside), weights)


def _reflected(nodes: Nodes, pixel: Value, span: Value, align: bool) -> Value:
    """Fold coordinates into the image; ``span`` is 0 for one pixel between its own centres."""
    op, constant = nodes.op, nodes.constant
    low = constant(0.0 if align else -0.5, pixel)
    span = op("Max", span, constant(1.0, pixel))
    period = op("Add", span, span)
    away = op("Abs", op("Sub", pixel, low))
    within = op(
        "Sub", away, op("Mul", op("Floor", op("Mul", away, op("Reciprocal", period))), period)
    )
    return op("Add", op("Min", within, op("Sub", period, within)), low)


def _pixels(nodes: Nodes, flat: Value, shape: Value, y: Value, x: Value, width: Value) -> Value:
    """Pixels (N, C, h * w) of the flattened image at y and x (N, 1, h * w)."""
    op, constant = nodes.op, nodes.constant
    index = op("Add", op("Mul", y, width), x)
    channels = op("Slice", shape, constant([1]), constant([2]))
    index = op("Expand", index, op("Concat", constant([1]), channels, constant([1]), axis=0))
    return op("GatherElements", flat, index, axis=2)


def _blend(nodes: Nodes, ends: Sequence[Value], weights: Sequence[Value | None]) -> Value:
    weighted = [
        end if weight is None else nodes.op("Mul", end, weight)
        for end, weight in zip(ends, weights, strict=True)
    ]
    return weighted[0] if len(weighted) == 1 else nodes.op("Add", *weighted)


GRID_SAMPLE = _GridSample()
