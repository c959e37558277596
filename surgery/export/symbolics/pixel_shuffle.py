"""Pixel shuffle in Reshape and Transpose of at most four axes.

Both exporters write DepthToSpace in mode CRD. NNAPI takes mode DCR alone, ncnn and XNNPACK have no
DepthToSpace, and the textbook form goes through a Transpose of six axes, where Core ML's tensors,
for one, have at most five.

Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel
Convolutional Neural Network" (2016), equation 4. The channel c r^2 + i r + j goes to row h r + i
and column w r + j. The two are interleaved one after the other:

    (N C r, r, H, W)  -> 0 2 3 1 ->  (N C, r, H, W r)  -> 0 2 1 3 ->  (N, C, H r, W r)

Exact: values are only moved. The batch may be open; where the image's sizes are, DepthToSpace
stays.
"""

from __future__ import annotations

from dataclasses import dataclass

from .base import Nodes, Value
from .shapes import known_image


@dataclass(frozen=True)
class _PixelShuffle:
    name: str = "pixel_shuffle.decomposed"
    summary: str = "pixel shuffle without DepthToSpace, in four axes"
    operators: tuple[str, ...] = ("aten::pixel_shuffle",)
    arguments: tuple[str, ...] = ("v", "i")
    opsets: range = range(11, 24)
    exact: bool = True

    def translate(self, nodes: Nodes, x: Value, factor: int) -> Value:
        """x (N, C factor^2, H, W) -> (N, C, H factor, W factor)."""
        op, constant = nodes.op, nodes.constant
        sizes = known_image(nodes, x)
        if sizes is None:
            return op("DepthToSpace", x, blocksize=factor, mode="CRD")
        channels, height, width = sizes
        columns = op("Reshape", x, constant([-1, factor, height, width]))
        columns = op("Transpose", columns, perm=[0, 2, 3, 1])
        rows = op("Reshape", columns, constant([-1, factor, height, width * factor]))
        rows = op("Transpose", rows, perm=[0, 2, 1, 3])
        whole = [-1, channels // factor**2, height * factor, width * factor]
        return op("Reshape", rows, constant(whole))


DECOMPOSED = _PixelShuffle()
