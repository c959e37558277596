"""Fast-NMS as nodes: all pairs at once, in ordinary operators, with what stays moved to the front.

``postprocess.decoders.fast_nms`` (Bolya et al., "YOLACT", ICCV 2019, section 4.4): a box goes when
any better box of its class overlaps it. The boxes of each class are moved aside by class number
times the largest coordinate, as there, in float32.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .nodes import Nodes

LOWEST = float(np.finfo(np.float32).min)


def fast_nms(nodes: Nodes, boxes: str, classes: str, valid: str, *, k: int, iou: float) -> str:
    """(N,K) bool: boxes that stay.

    Args:
        boxes: (N,K,4) x1, y1, x2, y2, best first.
        classes: (N,K) int64.
        valid: (N,K) bool, true for the first ones.
        k: rows.
        iou: least intersection over union that removes a box.
    """
    real = nodes.reshape(valid, 0, 0, 1)
    known = nodes.op("Where", real, boxes, nodes.constant(LOWEST))
    largest = nodes.reduce("ReduceMax", known, 1, 2, keep=True)
    shift = nodes.op("Mul", nodes.reshape(nodes.cast(classes, np.float32), 0, 0, 1), largest)
    moved = nodes.op("Add", boxes, shift)
    x1, y1, x2, y2 = (_column(nodes, moved, i) for i in range(4))
    shared = nodes.op("Mul", _overlap(nodes, x1, x2), _overlap(nodes, y1, y2))
    area = nodes.op("Mul", nodes.op("Sub", x2, x1), nodes.op("Sub", y2, y1))
    together = nodes.op("Add", nodes.reshape(area, 0, 0, 1), nodes.reshape(area, 0, 1, -1))
    overlap = nodes.op("Div", shared, nodes.op("Sub", together, shared))
    better = nodes.constant(np.triu(np.ones((1, k, k)), 1), np.bool_)
    over = nodes.op("And", nodes.at_least(overlap, nodes.constant(iou)), better)
    removed = nodes.reduce("ReduceMax", nodes.cast(over, np.float32), 1)
    return nodes.op("And", valid, nodes.op("Less", removed, nodes.constant(0.5)))


def to_front(
    nodes: Nodes, kept: str, rows: Sequence[tuple[str, int]], *, k: int
) -> tuple[str, list[str]]:
    """Move the rows that stay to the front, in their order.

    Args:
        kept: (N,K) bool.
        rows: tensors (N,K) with length 0, or (N,K,L) with their length L.
        k: rows.

    Returns:
        (N,K) bool: the first ones are kept; and the tensors in the new order.
    """
    place = np.arange(k, dtype=np.float32)
    key = nodes.op("Where", kept, nodes.constant(k - place[None]), nodes.constant(-place[None]))
    keys, order = nodes.ops("TopK", 2, key, nodes.constant([k], np.int64), axis=1)
    moved = []
    for tensor, length in rows:
        index = order
        if length:
            wide = nodes.constant([1, 1, length], np.int64)
            index = nodes.op("Expand", nodes.reshape(order, 0, 0, 1), wide)
        moved.append(nodes.op("GatherElements", tensor, index, axis=1))
    return nodes.op("Greater", keys, nodes.constant(0.0)), moved


def _column(nodes: Nodes, boxes: str, index: int) -> str:
    """(N,K) one coordinate of (N,K,4)."""
    return nodes.op("Gather", boxes, nodes.constant(index, np.int64), axis=2)


def _overlap(nodes: Nodes, low: str, high: str) -> str:
    """(N,K,K) length that each two of (N,K) ranges share."""
    first = nodes.op("Max", nodes.reshape(low, 0, 0, 1), nodes.reshape(low, 0, 1, -1))
    last = nodes.op("Min", nodes.reshape(high, 0, 0, 1), nodes.reshape(high, 0, 1, -1))
    return nodes.op("Max", nodes.op("Sub", last, first), nodes.constant(0.0))
