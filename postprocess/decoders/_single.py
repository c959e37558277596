"""Instances of networks that see one person an image."""

from __future__ import annotations

import numpy as np

from ..instances import Array, Instances
from ._finite import finite_rows


def single_person(joints: Array, threshold: float) -> Instances:
    """The instance of one image: its score is the joints' mean, its box goes around all of them.

    Args:
        joints: (K,3) float32 x, y, score, network-input pixels; K of at least 1.
        threshold: least score of the instance.

    Warns:
        RuntimeWarning: a joint is NaN or infinite; the person is dropped then.
    """
    people = joints[None]
    points, scores = people[..., :2], people[..., 2].mean(axis=1)
    kept = finite_rows(people, "persons")
    kept = kept[scores[kept] >= np.float32(threshold)]
    boxes = np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1)
    return Instances(
        scores=scores[kept],
        classes=np.zeros(len(kept), np.int64),
        boxes=boxes[kept],
        keypoints=people[kept],
    )
