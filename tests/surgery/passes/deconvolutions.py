"""A ConvTranspose of every geometry, and how near its other forms must come.

Tolerance: sums of at most 100 float32 products in another order, relative to the largest output;
5e-7 measured over 772 random layers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx

from .graphs import graph, node

TOLERANCE = 2e-6


def layer(
    taps: tuple[int, ...] = (4, 4),
    *,
    groups: int = 4,
    bias: bool = True,
    size: tuple[int | str, ...] = (5, 6),
    opset: int = 18,
    weight: np.ndarray[Any, np.dtype[np.float32]] | None = None,
    **attributes: Any,
) -> onnx.ModelProto:
    """A ConvTranspose of four input channels."""
    rng = np.random.default_rng(0)
    weights = {"w": rng.normal(size=(4, 2, *taps)).astype(np.float32) if weight is None else weight}
    if bias:
        weights["b"] = rng.normal(size=weights["w"].shape[1] * groups).astype(np.float32)
    made = node("ConvTranspose", "x w b" if bias else "x w", group=groups, **attributes)
    return graph([made], {"x": [2, 4, *size]}, weights=weights, opset=opset)


def bilinear(factor: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """The depthwise kernel with which DLA's upsampling layers begin, (4, 1, 2f, 2f)."""
    along = 1 - np.abs((np.arange(2 * factor) + 0.5) / factor - 1)
    kernel = np.outer(along, along).astype(np.float32)
    return np.ascontiguousarray(np.broadcast_to(kernel, (4, 1, *kernel.shape)))


TWICE: dict[str, Any] = {"strides": [2, 2], "pads": [1, 1, 1, 1]}


GEOMETRIES = [
    layer((3, 3), strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1]),
    layer((3, 5), strides=[3, 3], pads=[0, 2, 1, 0], groups=2),
    layer((2, 3), strides=[2, 2], dilations=[2, 1], bias=False),
    layer((2, 2), strides=[3, 3]),  # a kernel that leaves gaps
    layer((5, 5), strides=[2, 2], pads=[4, 4, 4, 4]),  # phases that begin outside
    layer((4, 4), strides=[2, 2], auto_pad="SAME_UPPER"),
    layer((4, 4), strides=[2, 2], output_shape=[10, 12]),
    layer((4, 4), opset=11, **TWICE),
]
UNTOLD = [
    (
        graph([node("ConvTranspose", "x w")], {"x": [1, 4, 3, 3], "w": [4, 1, 2, 2]}),
        "its weights are not constants",
    ),
    (layer((3, 3), strides=[2, 2], auto_pad="SAME_LOWER"), "share out a total padding"),
]
