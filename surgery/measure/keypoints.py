"""Keypoint accuracy from the true boxes of persons: PCK, and COCO's AP by keypoint similarity.

The similarity and its per-joint constants are pycocotools' own. PCK, the share of keypoints found
within a part of the torso's length, is that of Yang and Ramanan, "Articulated Human Detection with
Flexible Mixtures of Parts" (PAMI 2013), section 7, with a person's torso, from the left shoulder to
the right hip, as the length. Boxes are the
annotations', so that the figures are those of the keypoint network and of no detector.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from postprocess.errors import InputError

from ..scenes.track import track
from .averages import loaded
from .masks import Dataset, Image

METRICS = ("AP", "AP50", "AP75", "APm", "APl", "AR", "AR50", "AR75", "ARm", "ARl")
COCO_JOINTS = 17  # the joints that pycocotools has constants for


class PersonLike(Protocol):
    """What is read of a found person: see `postprocess.result.Instance`."""

    @property
    def score(self) -> float:
        """From 0 to 1."""

    @property
    def keypoints(self) -> NDArray[np.float32] | None:
        """(K, 3) x, y, score in image pixels."""


class PersonsLike(Protocol):
    """What is read of a result: see `postprocess.result.Result`."""

    @property
    def instances(self) -> Sequence[PersonLike]:
        """One for each box, in the order of the boxes."""


Predict = Callable[[Image, Any], PersonsLike]


def evaluate_keypoints(
    predict: Predict, dataset: Dataset, names: Sequence[str]
) -> dict[str, float]:
    """Run `predict` on every image with the boxes of its annotations and score the keypoints.

    Args:
        predict: (image (H, W, 3) uint8 BGR, boxes (n, 4)) -> one instance a box.
        dataset: from `coco_dataset` or `drawn_dataset`; its annotations have keypoints.
        names: the predictor's keypoints, in the order of the annotations'.

    Returns:
        METRICS by name, where the keypoints are COCO's seventeen, and PCK, where a torso is among
        them; -1 where the data set has nothing to measure a figure on.

    Raises:
        InputError: the annotations hold no keypoints, or others than the predictor's.
    """
    return measure(predict, dataset, names)[0]


def measure(
    predict: Predict, dataset: Dataset, names: Sequence[str]
) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """As :func:`evaluate_keypoints`, with the keypoints found, in COCO's result format."""
    coco = dataset.coco
    torso = [names.index(name) for name in TORSO if name in names]
    measured: list[NDArray[np.float64]] = []
    detections: list[dict[str, Any]] = []
    for image_id, image in track(dataset.images(), "evaluating", len(coco.getImgIds())):
        persons = _labelled(coco, image_id, len(names))
        if not persons:
            continue
        boxes = [_corners(person["bbox"]) for person in persons]
        found = predict(image, boxes).instances
        if len(found) != len(persons):
            raise InputError(
                f"keypoint accuracy needs one instance a box, got {len(found)} for {len(persons)}: "
                "leave the decoder's threshold at 0"
            )
        for person, instance in zip(persons, found, strict=True):
            assert instance.keypoints is not None
            truth = np.reshape(person["keypoints"], (-1, 3)).astype(np.float64)
            if len(torso) == len(TORSO):
                measured.append(distances(instance.keypoints, truth, torso))
            detections.append(_detection(person, instance))
    if not detections:
        raise InputError(
            "the annotations hold no person with keypoints: are they COCO's instances?"
        )
    figures = pck(np.array(measured)) if measured else {}
    if len(names) == COCO_JOINTS:
        figures |= score(coco, detections)
    return figures, detections


def score(coco: COCO, detections: list[dict[str, Any]]) -> dict[str, float]:
    """METRICS of detections in COCO's keypoint result format."""
    with contextlib.redirect_stdout(io.StringIO()):
        run = COCOeval(coco, loaded(coco, detections), "keypoints")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return dict(zip(METRICS, map(float, run.stats), strict=True))


def _labelled(coco: COCO, image_id: int, joints: int) -> list[dict[str, Any]]:
    """Annotations of an image's persons of whom a keypoint is labelled, no crowds."""
    persons = []
    for entry in coco.loadAnns(coco.getAnnIds(imgIds=[image_id], iscrowd=False)):
        keypoints = entry.get("keypoints", [])
        if not any(keypoints[2::3]):
            continue
        if len(keypoints) != 3 * joints:
            raise InputError(
                f"annotation {entry['id']} has {len(keypoints) // 3} keypoints, the model {joints}"
            )
        persons.append(entry)
    return persons


def _corners(bbox: Sequence[float]) -> list[float]:
    x, y, width, height = bbox
    return [x, y, x + max(width, 1.0), y + max(height, 1.0)]


def _detection(person: dict[str, Any], instance: PersonLike) -> dict[str, Any]:
    return {
        "image_id": person["image_id"],
        "category_id": person["category_id"],
        "keypoints": np.asarray(instance.keypoints, np.float64).reshape(-1).tolist(),
        "score": instance.score,
    }


TORSO = ("left_shoulder", "right_hip")
SHARES = (0.1, 0.2)


def distances(
    found: NDArray[Any], truth: NDArray[Any], torso: Sequence[int]
) -> NDArray[np.float64]:
    """Distances of one person's keypoints in torso lengths; NaN for those that are not labelled.

    Args:
        found: (K, 2 or more) x, y.
        truth: (K, 3) x, y, visibility; 0 is not labelled.
        torso: indices of the keypoints TORSO.

    Returns:
        (K,) float64; all NaN where the torso is not labelled.
    """
    first, second = torso
    apart = np.linalg.norm(np.asarray(found, np.float64)[:, :2] - truth[:, :2], axis=1)
    length = np.linalg.norm(truth[first, :2] - truth[second, :2])
    if not length > 0 or not (truth[[first, second], 2] > 0).all():
        return np.full(len(truth), np.nan)
    return np.where(truth[:, 2] > 0, apart / length, np.nan)


def pck(measured: NDArray[np.float64]) -> dict[str, float]:
    """PCK at SHARES of (n, K) distances, over all labelled keypoints; -1 where there is none."""
    counted = measured[~np.isnan(measured)]
    return {
        f"PCK@{share}": float((counted <= share).mean()) if counted.size else -1.0
        for share in SHARES
    }
