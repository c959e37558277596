"""Greedy NMS: a box goes when a better one that stays overlaps it.

As detectors of 2019 computed it, Deep Snake's among them: boxes are closed ranges of pixels, so a
side is x2 - x1 + 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from ._arrays import as_float32


def greedy_nms(boxes: ArrayLike, scores: ArrayLike, overlap: float) -> NDArray[np.int64]:
    """Indices of the boxes kept.

    Args:
        boxes: (n,4) x1, y1, x2, y2, pixels.
        scores: (n,); higher is better, ties by index.
        overlap: intersection over union beyond which a box goes.

    Returns:
        (m,) int64, score descending.

    Raises:
        InputError: wrong dtype, or shapes that do not fit together.
    """
    corners = as_float32(boxes, "boxes", {2: "(n,4)"})
    values = as_float32(scores, "scores", {1: "(n,)"})
    if corners.shape != (len(values), 4):
        raise InputError(f"boxes expects ({len(values)},4) for the scores, got {corners.shape}")
    order = np.argsort(-values, kind="stable")
    ranked = corners[order]
    area = np.prod(ranked[:, 2:] - ranked[:, :2] + 1, axis=1)
    kept = np.ones(len(ranked), np.bool_)
    for rank in range(len(ranked)):
        if kept[rank]:
            later = ranked[rank + 1 :]
            low = np.maximum(ranked[rank, :2], later[:, :2])
            high = np.minimum(ranked[rank, 2:], later[:, 2:])
            shared = np.prod(np.maximum(high - low + 1, 0), axis=1)
            together = area[rank] + area[rank + 1 :] - shared
            kept[rank + 1 :] &= ~(shared > np.float32(overlap) * together)
    return order[kept]
