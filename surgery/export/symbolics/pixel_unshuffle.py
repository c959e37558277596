"""Pixel unshuffle as a depthwise convolution with a stride.

Both exporters write a Transpose of six axes, where Core ML's tensors, for one, have at most five;
with open sizes, dynamo computes the new shape in the graph as well (Shape, Div, Concat). ONNX's
SpaceToDepth orders the channels otherwise, and Core ML, ncnn, NNAPI, WebGPU, WebNN and XNNPACK do
not have it.

Channel c r^2 + i r + j of the result reads row h r + i and column w r + j of channel c: a grouped
convolution of stride r whose kernel is 1 at (i, j) and 0 elsewhere, which every target runs. Exact
for finite values: each is multiplied by 1 and added to zeros. Every size may be open but that of
the channels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .base import Nodes, Value
from .shapes import known_channels


@dataclass(frozen=True)
class _PixelUnshuffle:
    name: str = "pixel_unshuffle"
    summary: str = "pixel unshuffle as a depthwise convolution"
    operators: tuple[str, ...] = ("aten::pixel_unshuffle",)
    arguments: tuple[str, ...] = ("v", "i")
    opsets: range = range(11, 24)
    exact: bool = True

    def translate(self, nodes: Nodes, x: Value, factor: int) -> Value:
        """x (N, C, H factor, W factor) -> (N, C factor^2, H, W)."""
        channels = known_channels(nodes, x, self.name)
        taps = np.eye(factor**2, dtype=np.float32).reshape(-1, 1, factor, factor)
        kernel = nodes.constant(np.tile(taps, (channels, 1, 1, 1)), x)
        sides = [factor, factor]
        return nodes.op("Conv", x, kernel, kernel_shape=sides, strides=sides, group=channels)


PIXEL_UNSHUFFLE = _PixelUnshuffle()
