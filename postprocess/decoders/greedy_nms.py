"""Greedy NMS: a box goes when a better one that stays overlaps it.

As detectors of 2019 computed it, Deep Snake's among them: boxes are closed ranges of pixels, so a
side is x2 - x1 + 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from ..instances import Array
from ._arrays import as_float32, as_threshold
from ._backend import Backend, native
from .nms import class_labels


def greedy_nms(
    boxes: ArrayLike,
    scores: ArrayLike,
    overlap: float,
    classes: ArrayLike | None = None,
    backend: Backend = "cpp",
) -> NDArray[np.int64]:
    """Indices of the boxes kept.

    Args:
        boxes: (n,4) x1, y1, x2, y2, pixels.
        scores: (n,); higher is better, ties by index, NaN last.
        overlap: intersection over union beyond which a box goes.
        classes: (n,) whole numbers; boxes of other classes do not compete. None: all do.
        backend: "cpp", or "numpy" for the reference.

    Returns:
        (m,) int64, score descending.

    Raises:
        InputError: wrong dtype, or shapes that do not fit together.
        ImportError: backend "cpp" and no compiled extension.
    """
    corners = as_float32(boxes, "boxes", {2: "(n,4)"})
    values = as_float32(scores, "scores", {1: "(n,)"})
    if corners.shape != (len(values), 4):
        raise InputError(f"boxes expects ({len(values)},4) for the scores, got {corners.shape}")
    labels, most = class_labels(classes, len(corners)), as_threshold(overlap, "overlap")
    library = native(backend, "greedy_nms")
    if library is not None:
        return library.greedy_nms(corners, values, labels, float(most))  # type: ignore[no-any-return]
    with np.errstate(invalid="ignore", over="ignore"):
        return _greedy_nms(corners, values, labels, most)


def _greedy_nms(
    boxes: Array, scores: Array, labels: NDArray[np.int32], overlap: np.float32
) -> NDArray[np.int64]:
    order = np.argsort(-scores, kind="stable")
    ranked, labels = boxes[order], labels[order]
    area = np.prod(ranked[:, 2:] - ranked[:, :2] + 1, axis=1)
    kept = np.ones(len(ranked), np.bool_)
    for rank in range(len(ranked)):
        if kept[rank]:
            later = ranked[rank + 1 :]
            low = np.maximum(ranked[rank, :2], later[:, :2])
            high = np.minimum(ranked[rank, 2:], later[:, 2:])
            shared = np.prod(np.maximum(high - low + 1, 0), axis=1)
            together = area[rank] + area[rank + 1 :] - shared
            rivals = labels[rank + 1 :] == labels[rank]
            kept[rank + 1 :] &= ~(rivals & (shared > overlap * together))
    return order[kept]
