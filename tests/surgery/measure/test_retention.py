"""Accuracy kept, without labels: COCO's average precision against the untouched detections."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest
from pycocotools import mask as rle
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from postprocess.instances import Instances
from surgery.measure import retention as module
from surgery.measure.retention import retention

SIDE = 96
SIZE = (SIDE, SIDE)


def squares(rng: np.random.Generator, count: int, moved: float = 0.0) -> Instances:
    """Squares of two classes, score descending."""
    corner = rng.uniform(4, 60, (count, 2))
    side = rng.uniform(10, 30, (count, 1))
    corner = corner + rng.normal(0, moved, corner.shape)
    boxes = np.concatenate([corner, corner + side], axis=1).astype(np.float32)
    contours = boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2)
    scores = np.sort(rng.uniform(0.02, 1, count))[::-1].astype(np.float32)
    return Instances(scores, rng.integers(0, 2, count), boxes, contours)


def moved(rng: np.random.Generator, given: Instances, by: float) -> Instances:
    """The same instances, each shifted, with other scores and some missing."""
    shift = rng.normal(0, by, (len(given), 2)).astype(np.float32)
    scores = np.clip(given.scores + rng.normal(0, 0.1, len(given)), 0, 1).astype(np.float32)
    keep = np.flatnonzero(rng.uniform(size=len(given)) < 0.9)
    keep = keep[np.argsort(-scores[keep], kind="mergesort")]
    assert given.contours is not None
    return Instances(
        scores[keep],
        given.classes[keep],
        (given.boxes + np.tile(shift, 2))[keep],
        (given.contours + shift[:, None])[keep],
    )


def pycocotools_ap(before: list[Instances], after: list[Instances], threshold: float) -> float:
    """COCO's AP with the detections of ``before`` above a threshold as annotations."""
    annotations, detections = [], []
    for picture, (truth, found) in enumerate(zip(before, after, strict=True)):
        for each, into in ((truth, annotations), (found, detections)):
            assert each.contours is not None
            for score, label, contour in zip(each.scores, each.classes, each.contours, strict=True):
                encoded = rle.frPyObjects([contour.astype(float).ravel().tolist()], *SIZE)[0]
                entry = {"image_id": picture, "category_id": int(label), "segmentation": encoded}
                if into is detections:
                    into.append({**entry, "score": float(score)})
                elif score >= threshold:
                    area, box = float(rle.area(encoded)), rle.toBbox(encoded).tolist()
                    number = len(into) + 1
                    into.append({**entry, "id": number, "area": area, "bbox": box, "iscrowd": 0})
    coco = COCO()
    images = [{"id": i, "height": SIDE, "width": SIDE} for i in range(len(before))]
    categories = [{"id": i, "name": str(i)} for i in range(2)]
    coco.dataset = {"images": images, "annotations": annotations, "categories": categories}
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
        run = COCOeval(coco, coco.loadRes(detections), "segm")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return float(run.stats[0])


@pytest.mark.parametrize("seed", range(5))
def test_without_weak_detections_it_is_what_pycocotools_computes(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(seed)
    monkeypatch.setattr(module, "THRESHOLDS", (0.0,))
    before = [squares(rng, 12) for _ in range(6)]
    after = [moved(rng, each, 1.5) for each in before]
    found = retention(before, after, [SIZE] * 6, resampled=10).kept
    assert found == pytest.approx(pycocotools_ap(before, after, 0.0), abs=1e-12)


def test_a_network_keeps_all_of_itself() -> None:
    rng = np.random.default_rng(0)
    before = [squares(rng, 8) for _ in range(4)]
    found = retention(before, before, [SIZE] * 4, resampled=20)
    assert (found.kept, found.low, found.high) == (1.0, 1.0, 1.0)
    assert found.kind == "masks"


def test_the_farther_contours_move_the_less_is_kept() -> None:
    rng = np.random.default_rng(1)
    before = [squares(rng, 10) for _ in range(8)]
    kept = []
    for by in (0.3, 1.0, 3.0):
        after = [moved(np.random.default_rng(2), each, by) for each in before]
        kept.append(retention(before, after, [SIZE] * 8, resampled=10).kept or 0.0)
    assert kept[0] > kept[1] > kept[2]


def test_a_weak_detection_found_again_or_not_costs_nothing() -> None:
    rng = np.random.default_rng(3)
    strong = squares(rng, 6)
    strong = Instances(strong.scores * 0.4 + 0.6, strong.classes, strong.boxes, strong.contours)
    far = np.float32(40.0)
    assert strong.contours is not None
    weak = Instances(
        np.full(6, 0.05, np.float32), strong.classes, strong.boxes + far, strong.contours + far
    )
    both = Instances(
        np.concatenate([strong.scores, weak.scores]),
        np.concatenate([strong.classes, weak.classes]),
        np.concatenate([strong.boxes, weak.boxes]),
        np.concatenate([strong.contours, weak.contours]),
    )
    assert retention([both], [strong], [SIZE]).kept == 1.0
    assert retention([both], [both], [SIZE]).kept == 1.0


def test_false_detections_with_high_scores_cost() -> None:
    rng = np.random.default_rng(4)
    before = squares(rng, 6)
    extra = squares(rng, 6)
    assert before.contours is not None
    assert extra.contours is not None
    order = np.argsort(-np.concatenate([extra.scores + 1, before.scores]))
    after = Instances(
        np.concatenate([extra.scores + 1, before.scores])[order],
        np.concatenate([extra.classes, before.classes])[order],
        np.concatenate([extra.boxes, before.boxes])[order],
        np.concatenate([extra.contours, before.contours])[order],
    )
    kept = retention([before], [after], [SIZE]).kept
    assert kept is not None
    assert kept < 0.7


def test_nothing_to_compare_is_none_and_an_interval_needs_two_pictures() -> None:
    empty = Instances(np.zeros(0, np.float32), np.zeros(0, np.int64), np.zeros((0, 4), np.float32))
    assert retention([empty], [empty], [SIZE]).kept is None
    one = squares(np.random.default_rng(5), 3)
    assert retention([one], [one], [SIZE]).low is None


def test_keypoints_are_compared_by_their_similarity() -> None:
    rng = np.random.default_rng(6)
    points = rng.uniform(10, 80, (2, 17, 3)).astype(np.float32)
    boxes = np.tile(np.float32([0, 0, 90, 90]), (2, 1))
    before = Instances(np.float32([0.9, 0.8]), np.zeros(2, np.int64), boxes, keypoints=points)
    kept = []
    for by in (0.0, 2.0, 8.0):
        shifted = points + np.float32([by, 0, 0])
        after = Instances(before.scores, before.classes, boxes, keypoints=shifted)
        found = retention([before], [after], [SIZE])
        assert found.kind == "keypoints"
        kept.append(found.kept or 0.0)
    assert kept[0] == 1.0
    assert kept[0] > kept[1] > kept[2]
