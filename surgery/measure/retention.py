"""An estimate without labels of the accuracy that an operated network keeps.

The untouched network's own detections stand in for labels. Those that score at least a threshold
are the truth, weaker ones are ignored (as COCO ignores crowds, so that finding one of them again is
neither right nor wrong), and the operated network is scored against them with COCO's average
precision: over IoU 0.50 to 0.95, over classes, and over the thresholds. Masks are compared where
there are contours, keypoints by COCO's object keypoint similarity, boxes elsewhere. The untouched
network scores 1 against itself. An interval comes from resampling the pictures (bootstrap).

Matching follows pycocotools (cocoeval.py: evaluateImg), as precision does (:mod:`.averages`); the
tests hold them against it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as rle
from pycocotools.cocoeval import Params

from postprocess.instances import Instances

from .averages import IOUS, RESAMPLED, Cells, Scored, average, interval
from .instances import box_iou

Floats = NDArray[np.float64]
THRESHOLDS = (
    0.1,
    0.3,
    0.5,
)  # of the score from which a detection of the untouched network is truth
JOINTS = 17  # that pycocotools has constants for
SIGMA = 0.07  # for other skeletons: the mean of these constants (0.026 to 0.107)


@dataclass(frozen=True)
class Retention:
    """What is left of the untouched network's detections.

    Attributes:
        kept: average precision against them, 0 to 1; None where there are none.
        low, high: of the 95 % interval over pictures; None with fewer than two pictures.
        instances: detections of the untouched network that count at the lowest threshold.
        pictures: number of pictures.
        kind: "masks", "keypoints" or "boxes": what was compared.
    """

    kept: float | None
    low: float | None
    high: float | None
    instances: int
    pictures: int
    kind: str

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def retention(
    untouched: Sequence[Instances],
    operated: Sequence[Instances],
    sizes: Sequence[tuple[int, int]],
    *,
    resampled: int = RESAMPLED,
    seed: int = 0,
) -> Retention:
    """Score the operated network's detections against the untouched network's.

    Args:
        untouched, operated: instances of each picture, in the same pixels.
        sizes: (height, width) of these pixels, a picture each.
        resampled: number of bootstrap samples.
        seed: of the bootstrap.
    """
    kind, similarity = _similarity(untouched)
    cells = _cells(untouched, operated, sizes, similarity)
    number = len(untouched)
    kept = average(cells, range(number))
    low, high = interval([cells], number, resampled, seed) or (None, None)
    count = sum(int((each.scores >= THRESHOLDS[0]).sum()) for each in untouched)
    return Retention(kept, low, high, count, number, kind)


Similarity = Callable[[Instances, Instances, tuple[int, int]], Floats]


def _cells(
    untouched: Sequence[Instances],
    operated: Sequence[Instances],
    sizes: Sequence[tuple[int, int]],
    similarity: Similarity,
) -> Cells:
    """Matched detections by threshold and class, then by picture."""
    cells: dict[tuple[float, int], dict[int, Scored]] = {}
    for picture, (before, after, size) in enumerate(zip(untouched, operated, sizes, strict=True)):
        near = similarity(after, before, size)
        for label in sorted({*before.classes.tolist(), *after.classes.tolist()}):
            rows = np.flatnonzero(after.classes == label)
            rows = rows[np.argsort(-after.scores[rows], kind="mergesort")]
            columns = np.flatnonzero(before.classes == label)
            scores = after.scores[rows].astype(np.float64)
            for threshold in THRESHOLDS:
                weak = before.scores[columns] < threshold
                order = np.argsort(weak, kind="mergesort")
                right, ignored = _matched(near[np.ix_(rows, columns[order])], weak[order])
                scored = Scored(scores, right, ignored, int((~weak).sum()))
                cells.setdefault((threshold, label), {})[picture] = scored
    return cells


def _matched(near: Floats, weak: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """COCO's greedy matching: each detection, by score, takes the nearest truth that is free.

    Args:
        near: (detections, truths) similarity, detections by score, truths that count first.
        weak: (truths,) which are ignored.
    """
    found, truths = near.shape
    right = np.zeros((len(IOUS), found), bool)
    ignored = np.zeros((len(IOUS), found), bool)
    for level, least in enumerate(IOUS):
        taken = np.zeros(truths, bool)
        for row in range(found):
            best, value = -1, min(least, 1 - 1e-10)
            for column in range(truths):
                if taken[column]:
                    continue
                if best >= 0 and not weak[best] and weak[column]:
                    break
                if near[row, column] >= value:
                    best, value = column, near[row, column]
            if best >= 0:
                taken[best] = True
                right[level, row], ignored[level, row] = not weak[best], weak[best]
    return right, ignored


def _similarity(instances: Sequence[Instances]) -> tuple[str, Similarity]:
    if any(each.contours is not None for each in instances):
        return "masks", _mask_iou
    if any(each.keypoints is not None for each in instances):
        return "keypoints", _keypoint_similarity
    return "boxes", lambda a, b, size: box_iou(a.boxes, b.boxes)


def _mask_iou(a: Instances, b: Instances, size: tuple[int, int]) -> Floats:
    if not len(a) or not len(b) or a.contours is None or b.contours is None:
        return np.zeros((len(a), len(b)))
    masks = [
        rle.frPyObjects([c.astype(np.float64).ravel().tolist() for c in each], *size)
        for each in (a.contours, b.contours)
    ]
    return np.asarray(rle.iou(*masks, [False] * len(b)), np.float64).reshape(len(a), len(b))


def _keypoint_similarity(a: Instances, b: Instances, size: tuple[int, int]) -> Floats:
    """COCO's OKS: exp(-d^2 / (2 area (2 sigma)^2)), mean over joints; area of b's keypoint box."""
    if not len(a) or not len(b) or a.keypoints is None or b.keypoints is None:
        return np.zeros((len(a), len(b)))
    ours, theirs = (each[..., :2].astype(np.float64) for each in (a.keypoints, b.keypoints))
    joints = ours.shape[1]
    sigmas = Params("keypoints").kpt_oks_sigmas if joints == JOINTS else np.full(joints, SIGMA)
    area = np.prod(theirs.max(axis=1) - theirs.min(axis=1) + 1.0, axis=-1)
    squared = ((ours[:, None] - theirs[None]) ** 2).sum(-1)
    error = squared / (2 * area[None, :, None] * (2 * sigmas) ** 2)
    return np.asarray(np.exp(-error).mean(axis=-1))
