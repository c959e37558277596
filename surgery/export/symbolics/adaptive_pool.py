"""Adaptive pooling of images to any size in AveragePool or MaxPool.

A size that does not divide the image's ends the TorchScript export ("output size that are not
factor of input size"); dynamo writes such an average as GatherND, Where and some thirty Gathers,
and has no form for such a maximum ("No ONNX function found for aten.adaptive_max_pool2d"). A mean
over open heights and widths (size 1) does not export through dynamo at all ("Field 'shape' of
'type' is required but missing").

torch (ATen/native/AdaptiveAveragePooling.cpp) pools the pixels floor(i L / n) to
ceil((i + 1) L / n) - 1 of an axis of L into the i-th of n. Bins of one axis do not depend on the
other, so the axes are pooled one after the other, each bin by Slice and a pooling of its length;
Concat joins them. Where n divides L, one pooling does both axes, and size 1 is GlobalAveragePool or
GlobalMaxPool. Maxima are exact, averages the same to float rounding. Sizes other than 1 need the
image's to be known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from postprocess.errors import InputError

from .base import Nodes, Value


@dataclass(frozen=True)
class _AdaptivePool:
    name: str
    summary: str
    operators: tuple[str, ...]
    pooling: str
    outputs: int
    arguments: tuple[str, ...] = ("v", "is")
    opsets: range = range(11, 24)
    exact: bool = True

    def translate(
        self, nodes: Nodes, x: Value, size: Sequence[int]
    ) -> Value | tuple[Value | None, ...]:
        """Pool x (N, C, H, W) to (N, C, *size); of a maximum's indices nothing is written."""
        pooled = self._pooled(nodes, x, tuple(size))
        return pooled if self.outputs == 1 else (pooled, None)

    def _pooled(self, nodes: Nodes, x: Value, size: tuple[int, ...]) -> Value:
        if size == (1, 1) and nodes.rank(x) == 4:
            return nodes.op(f"Global{self.pooling}", x)
        sides = (nodes.shape(x) or ())[2:]
        known = [side for side in sides if side is not None]
        if len(sides) != 2 or len(known) != 2:
            raise InputError(
                f"symbolic {self.name!r} pools images of known height and width to {size}: "
                f"fix input.size, or surgery.symbolics.skip=[{self.name}]"
            )
        if not any(side % count for side, count in zip(known, size, strict=True)):
            kernel = [side // count for side, count in zip(known, size, strict=True)]
            return nodes.op(self.pooling, x, kernel_shape=kernel, strides=kernel)
        for axis, (side, count) in enumerate(zip(known, size, strict=True)):
            x = self._along(nodes, x, axis, side, count)
        return x

    def _along(self, nodes: Nodes, x: Value, axis: int, side: int, count: int) -> Value:
        """Pool one axis of ``side`` pixels to ``count``."""
        op, constant = nodes.op, nodes.constant
        bins = []
        for i in range(count):
            first, end = i * side // count, -(-(i + 1) * side // count)
            part = op("Slice", x, constant([first]), constant([end]), constant([2 + axis]))
            kernel = [1, 1]
            kernel[axis] = end - first
            bins.append(op(self.pooling, part, kernel_shape=kernel, strides=[1, 1]))
        return op("Concat", *bins, axis=2 + axis) if count > 1 else bins[0]


ADAPTIVE_AVG_POOL = _AdaptivePool(
    "adaptive_avg_pool",
    "adaptive average pooling to any size as AveragePool",
    ("aten::adaptive_avg_pool2d",),
    "AveragePool",
    1,
)
ADAPTIVE_MAX_POOL = _AdaptivePool(
    "adaptive_max_pool",
    "adaptive maximum pooling to any size as MaxPool",
    ("aten::adaptive_max_pool2d",),
    "MaxPool",
    2,
)
