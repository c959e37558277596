"""Fast-NMS on boxes, all at once.

Bolya et al., "YOLACT" (ICCV 2019, section 3.4): a box goes when any box of higher score overlaps
it, also one that goes itself. e2ec runs it on the boxes of its contours (post_process/nms.py), with
the boxes of each class moved aside by class number * largest coordinate, so that only boxes of one
class compete. Everything is float32, as there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from ..instances import Array
from ._arrays import as_float32, as_threshold
from ._backend import Backend, native


def fast_nms(
    boxes: ArrayLike,
    scores: ArrayLike,
    classes: ArrayLike | None = None,
    iou: float = 0.7,
    backend: Backend = "cpp",
) -> NDArray[np.int64]:
    """Indices of the boxes that no better box overlaps by `iou` or more.

    Args:
        boxes: (n,4) x1, y1, x2, y2 in any one unit.
        scores: (n,); higher is better, ties by index. A box whose score is NaN is dropped.
        classes: (n,) whole numbers, or None where all boxes compete.
        iou: least intersection over union that removes a box. Two boxes without area, or a box
            with a NaN, overlap by nothing.
        backend: "cpp", or "numpy" for the reference.

    Returns:
        (m,) int64 indices into the input, score descending.

    Raises:
        InputError: wrong dtype, or shapes that do not fit together.
        ImportError: backend "cpp" and no compiled extension.
    """
    corners = as_float32(boxes, "boxes", {2: "(n,4)"})
    if corners.shape[1] != 4:
        raise InputError(f"boxes expects (n,4), got {corners.shape}")
    values = as_float32(scores, "scores", {1: "(n,)"})
    labels = class_labels(classes, len(corners))
    if len(values) != len(corners):
        raise InputError(
            f"scores expects {len(corners)} values, one for each box, got {len(values)}"
        )
    most = as_threshold(iou, "iou")
    library = native(backend)
    if library is None:
        return _fast_nms(corners, values, labels, most)
    return library.fast_nms(corners, values, labels, float(most))  # type: ignore[no-any-return]


def class_labels(classes: ArrayLike | None, count: int) -> NDArray[np.int32]:
    """(n,) classes of boxes; one class for all of them where `classes` is None.

    Raises:
        InputError: other than one whole number for each box.
    """
    if classes is None:
        return np.zeros(count, np.int32)
    labels = np.asarray(classes)
    whole = labels.dtype.kind in "iu" or (
        labels.dtype.kind == "f" and bool((labels == np.round(labels)).all())
    )
    if labels.shape != (count,) or not whole:
        raise InputError(
            f"classes expects {count} whole numbers, one for each box, "
            f"got {labels.dtype} {labels.shape}"
        )
    return labels.astype(np.int32)


def _fast_nms(
    boxes: Array, scores: Array, labels: NDArray[np.int32], iou: np.float32
) -> NDArray[np.int64]:
    order = np.argsort(-scores, kind="stable")
    order = order[~np.isnan(scores[order])]
    if len(order) == 0:
        return order.astype(np.int64)
    moved = _apart_by_class(boxes, labels)[order]
    removed = np.triu(_pairwise_iou(moved) >= iou, k=1).any(axis=0)
    return order[~removed].astype(np.int64)


def _apart_by_class(boxes: Array, labels: NDArray[np.int32]) -> Array:
    largest = np.fmax.reduce(boxes, axis=None)
    with np.errstate(invalid="ignore", over="ignore"):
        shifts: Array = labels.astype(np.float32) * largest
        return boxes + shifts[:, None]


def _pairwise_iou(boxes: Array) -> Array:
    """(n,n) intersection over union in [0, 1]; NaN where it is undefined."""
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
        high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
        sides = np.maximum(high - low, np.float32(0))
        shared = sides[..., 0] * sides[..., 1]
        areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        overlap: Array = np.clip(shared / (areas[:, None] + areas[None, :] - shared), 0, 1)
    return overlap
