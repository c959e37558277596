"""Peaks of a class heatmap as nodes: maximum of a window, TopK over all classes, places.

``postprocess.decoders.peaks`` in operators (Zhou et al., "Objects as Points", 2019, section 4):

    peak = heatmap == MaxPool(heatmap);  TopK of where(peak, sigmoid(heatmap), -1)

There are always K rows; the first ``count`` of an image are its peaks, and a row without a peak has
score -1. TopK puts the lower index first among equal values, so that ties go by class, y, x as in
the decoder. Its sigmoid is float32, the decoder's is rounded from double precision: scores whose
difference is that rounding may stand in another order, and at rank K another one of them may fall
out. NaN and infinities are not looked after: the decoder does that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .nodes import Nodes

NO_PEAK = -1.0  # score of a row without a peak


@dataclass(frozen=True)
class Peaks:
    """Names of tensors.

    Attributes:
        scores: (N,K) float32, descending.
        classes: (N,K) int64.
        places: (N,K) int64, y * W + x.
        centres: (N,K,2) float32, x and y, heatmap pixels.
        valid: (N,K) bool: peaks of at least the threshold.
    """

    scores: str
    classes: str
    places: str
    centres: str
    valid: str


def peaks(
    nodes: Nodes, heatmap: str, *, k: int, kernel: int, threshold: float, logits: bool
) -> Peaks:
    """Write the nodes.

    Args:
        heatmap: (N,C,H,W) float32.
        k: rows.
        kernel: odd side of the window, heatmap pixels.
        threshold: least score.
        logits: whether the sigmoid is still to be applied.
    """
    border = [kernel // 2] * 4
    top = nodes.op("MaxPool", heatmap, kernel_shape=[kernel] * 2, pads=border, strides=[1, 1])
    none = nodes.constant(NO_PEAK)
    probable = nodes.op("Sigmoid", heatmap) if logits else heatmap
    flat = nodes.reshape(nodes.op("Where", nodes.op("Equal", heatmap, top), probable, none), 0, -1)
    # a map may have fewer pixels than K
    flat = nodes.op("Pad", flat, nodes.constant([0, 0, 0, k], np.int64), none)
    scores, index = nodes.ops("TopK", 2, flat, nodes.constant([k], np.int64), axis=1)
    valid = nodes.at_least(scores, nodes.constant(max(threshold, 0.0)))
    width = nodes.side(heatmap, 3)
    plane = nodes.op("Mul", nodes.side(heatmap, 2), width)
    classes = nodes.op("Div", index, plane)
    places = nodes.op("Sub", index, nodes.op("Mul", classes, plane))
    ys = nodes.op("Div", places, width)
    xs = nodes.op("Sub", places, nodes.op("Mul", ys, width))
    columns = [nodes.reshape(nodes.cast(each, np.float32), 0, 0, 1) for each in (xs, ys)]
    return Peaks(scores, classes, places, nodes.op("Concat", *columns, axis=2), valid)


def at(nodes: Nodes, maps: str, places: str, channels: int) -> str:
    """(N,K,C) values of (N,C,H,W) maps at (N,K) places."""
    index = nodes.op(
        "Expand", nodes.reshape(places, 0, 1, -1), nodes.constant([1, channels, 1], np.int64)
    )
    found = nodes.op("GatherElements", nodes.reshape(maps, 0, 0, -1), index, axis=2)
    return nodes.op("Transpose", found, perm=[0, 2, 1])


def count(nodes: Nodes, valid: str) -> str:
    """(N,) int64: how many of (N,K) hold."""
    return nodes.reduce("ReduceSum", nodes.cast(valid, np.int64), 1)


def scaled(nodes: Nodes, tensor: str, factor: float) -> str:
    """The tensor times a number."""
    return tensor if factor == 1.0 else nodes.op("Mul", tensor, nodes.constant(factor))
