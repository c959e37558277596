"""COCO's average precision of detections that are matched already, and how sure it is.

An interval comes from resampling the pictures (bootstrap): what another such set of pictures would
have given. Two networks on the same pictures are resampled together, so that what the pictures
have in common does not hide their difference. Precision follows pycocotools (cocoeval.py,
accumulate); the tests hold it against it.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

Floats = NDArray[np.float64]
IOUS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0.0, 1.0, 101)
RESAMPLED = 1000
WITHIN = (0.025, 0.975)  # quantiles of a 95 % interval


@dataclass(frozen=True)
class Scored:
    """Detections of one class on one picture, matched.

    Attributes:
        scores: (n,) descending.
        right, ignored: (IoUs, n): matched to a truth that counts; to one that is ignored.
        truths: number that count.
    """

    scores: Floats
    right: NDArray[np.bool_]
    ignored: NDArray[np.bool_]
    truths: int


Cells = Mapping[Any, Mapping[int, Scored]]
"""By whatever is averaged over (class, threshold), then by picture."""


@dataclass(frozen=True)
class _Ranked:
    """Detections of one class on all pictures, by score.

    Attributes:
        right, wrong: (IoUs, n).
        picture: (n,) where each was found.
        truths: (pictures,) that count.
    """

    right: NDArray[np.bool_]
    wrong: NDArray[np.bool_]
    picture: NDArray[np.int64]
    truths: NDArray[np.int64]

    def precision(self, weights: NDArray[np.int64]) -> float | None:
        """Mean precision over IoUs and recalls, each picture as often as ``weights`` says.

        None without a truth.
        """
        truths = int((self.truths * weights).sum())
        if not truths:
            return None
        if not len(self.picture):
            return 0.0
        times = weights[self.picture]
        hits, misses = (np.cumsum(each * times, axis=1) for each in (self.right, self.wrong))
        precision = hits / np.maximum(hits + misses, np.spacing(1.0))
        precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        total = 0.0
        for row, hit in zip(precision, hits, strict=True):
            at = np.searchsorted(hit / truths, RECALLS, side="left")
            total += float(row[at[at < len(hit)]].sum()) / len(RECALLS)
        return total / len(IOUS)


def _ranked(cell: Mapping[int, Scored], pictures: int) -> _Ranked:
    scores = np.concatenate([each.scores for each in cell.values()])
    order = np.argsort(-scores, kind="mergesort")
    right = np.concatenate([each.right for each in cell.values()], axis=1)[:, order]
    ignored = np.concatenate([each.ignored for each in cell.values()], axis=1)[:, order]
    found = [np.full(len(each.scores), picture) for picture, each in cell.items()]
    truths = np.zeros(pictures, np.int64)
    for picture, each in cell.items():
        truths[picture] = each.truths
    return _Ranked(right, ~right & ~ignored, np.concatenate(found)[order], truths)


def _mean(ranked: Sequence[_Ranked], weights: NDArray[np.int64]) -> float | None:
    values = [value for each in ranked if (value := each.precision(weights)) is not None]
    return float(np.mean(values)) if values else None


def average(cells: Cells, pictures: Iterable[int]) -> float | None:
    """Mean precision over IoUs, recalls and cells on ``pictures``, None without a truth."""
    chosen = {picture: index for index, picture in enumerate(pictures)}
    parts = [{chosen[p]: cell[p] for p in chosen if p in cell} for cell in cells.values()]
    ranked = [_ranked(part, len(chosen)) for part in parts if part]
    return _mean(ranked, np.ones(len(chosen), np.int64))


def interval(
    compared: Sequence[Cells], pictures: int, resampled: int = RESAMPLED, seed: int = 0
) -> tuple[float, float] | None:
    """The 95 % interval of an average precision, or of the difference of two.

    Args:
        compared: one network's cells, or two networks' on the same pictures: the second less the
            first.
        pictures: their number, 0 to ``pictures`` - 1 in the cells.
        resampled: number of bootstrap samples.
        seed: of the bootstrap.

    Returns:
        (low, high), None for fewer than two pictures or where no sample holds a truth.
    """
    if pictures < 2:
        return None
    ranked = [[_ranked(cell, pictures) for cell in cells.values()] for cells in compared]
    rng, values = np.random.default_rng(seed), []
    for _ in range(resampled):
        weights = np.bincount(rng.integers(0, pictures, pictures), minlength=pictures)
        found = [_mean(each, weights) for each in ranked]
        numbers = [value for value in found if value is not None]
        if len(numbers) == len(compared):
            values.append(numbers[-1] - numbers[0] if len(numbers) == 2 else numbers[0])
    if not values:
        return None
    low, high = np.quantile(values, WITHIN)
    return float(low), float(high)


def loaded(coco: COCO, detections: list[dict[str, Any]]) -> COCO:
    """Detections as pycocotools holds them, which may be none; the list stays as it is."""
    if detections:
        return coco.loadRes([dict(each) for each in detections])
    nothing = COCO()
    nothing.dataset = {**coco.dataset, "annotations": []}
    nothing.createIndex()
    return nothing


def cells_of(coco: COCO, detections: list[dict[str, Any]], kind: str) -> dict[Hashable, Any]:
    """Detections in COCO's result format, matched by pycocotools: cells by category id.

    Pictures are numbered in the order of ``coco.getImgIds()``.

    Args:
        kind: "segm" or "keypoints".
    """
    with contextlib.redirect_stdout(io.StringIO()):
        run = COCOeval(coco, loaded(coco, detections), kind)
        run.params.areaRng, run.params.areaRngLbl = run.params.areaRng[:1], ["all"]
        run.evaluate()
    number = {image: index for index, image in enumerate(coco.getImgIds())}
    cells: dict[Hashable, dict[int, Scored]] = {}
    for each in run.evalImgs:
        if each is None:
            continue
        ignored = np.asarray(each["dtIgnore"], bool)
        right = (np.asarray(each["dtMatches"]) > 0) & ~ignored
        scores = np.asarray(each["dtScores"], np.float64)
        truths = int((~np.asarray(each["gtIgnore"], bool)).sum())
        cell = cells.setdefault(each["category_id"], {})
        cell[number[each["image_id"]]] = Scored(scores, right, ignored, truths)
    return cells
