"""Pixels around the maximum of each heatmap, and the values there.

Coordinates are float32, exact for any map: Clip, Min and Max of integers are younger operators.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .nodes import Nodes


@dataclass(frozen=True)
class Places:
    """Names of tensors.

    Attributes:
        flat: (N,K,H*W) float32 heatmaps.
        x, y: (N,K,1) float32, the maximum.
        width, height: (1,) float32, sides of the map.
    """

    flat: str
    x: str
    y: str
    width: str
    height: str


def inside(nodes: Nodes, at: Places, low: float, margin: float) -> str:
    """(N,K,1) bool: low < x < W - margin and low < y < H - margin."""
    conditions = []
    for place, side in ((at.x, at.width), (at.y, at.height)):
        last = nodes.op("Sub", side, nodes.constant(margin))
        conditions.append(nodes.op("Greater", place, nodes.constant(low)))
        conditions.append(nodes.op("Less", place, last))
    result = conditions[0]
    for condition in conditions[1:]:
        result = nodes.op("And", result, condition)
    return result


def clipped(nodes: Nodes, place: str, side: str) -> str:
    """The coordinate held within 0 and side - 1."""
    last = nodes.op("Sub", side, nodes.constant(1.0))
    return nodes.op("Min", nodes.op("Max", place, nodes.constant(0.0)), last)


def values_at(nodes: Nodes, at: Places, dx: str, dy: str) -> str:
    """(N,K,T) values at (x + dx, y + dy), held within the map; dx and dy are (T,) float32."""
    xs, ys = nodes.op("Add", at.x, dx), nodes.op("Add", at.y, dy)
    return gathered(nodes, at, xs, ys)


def gathered(nodes: Nodes, at: Places, xs: str, ys: str) -> str:
    """(N,K,T) values at (N,K,T) coordinates, held within the map."""
    row = nodes.op("Mul", clipped(nodes, ys, at.height), at.width)
    index = nodes.cast(nodes.op("Add", row, clipped(nodes, xs, at.width)), np.int64)
    return nodes.op("GatherElements", at.flat, index, axis=2)
