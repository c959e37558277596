"""Ids for the objects of a video: each frame's boxes matched with the boxes of the frame before.

The association of SORT (Bewley et al., ICIP 2016, section 3.3): the assignment with the largest
sum of IoU, found by SciPy's `linear_sum_assignment`, without pairs below a least IoU. A box is
expected where it was, moved on by its smoothed velocity, in place of SORT's Kalman filter. As in
ByteTrack (Zhang et al., ECCV 2022), an object of low score may go on with a track and starts none.

Needs the extra `video`, which is SciPy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import InputError
from .instances import Array
from .result import Result

VELOCITY_WEIGHT = 0.5  # of the newest step in a track's velocity


@dataclass
class _Track:
    id: int
    class_index: int
    box: NDArray[np.float64]
    frame: int
    velocity: NDArray[np.float64]

    def expected(self, frame: int) -> NDArray[np.float64]:
        """(4,) box where the track should be by now."""
        return self.box + np.tile(self.velocity, 2) * (frame - self.frame)

    def move(self, box: NDArray[np.float64], frame: int) -> None:
        step = (_centre(box) - _centre(self.box)) / (frame - self.frame)
        self.velocity += VELOCITY_WEIGHT * (step - self.velocity)
        self.box, self.frame = box, frame


class Tracker:
    """Gives the instances of consecutive frames their track ids, 1, 2, ....

    Args:
        start_score: least score of an instance that starts a track.
        least_iou: smaller overlaps do not match.
        patience: a track that was not seen for more than so many frames is over.

    Raises:
        InputError: SciPy is not installed.
    """

    def __init__(
        self, start_score: float = 0.3, least_iou: float = 0.3, patience: int = 30
    ) -> None:
        try:
            from scipy.optimize import linear_sum_assignment
        except ImportError as error:
            raise InputError(
                "track ids for videos need SciPy: pip install 'model-surgery[video]'"
            ) from error
        self._assign: Any = linear_sum_assignment
        self._start_score, self._least_iou, self._patience = start_score, least_iou, patience
        self._tracks: list[_Track] = []
        self.started = 0
        """Number of tracks so far."""

    def __call__(self, result: Result, frame: int) -> Result:
        """The result with `track` set in each instance that has one.

        Args:
            result: what was found in the frame.
            frame: the frame's index; larger than the last call's.
        """
        self._tracks = [each for each in self._tracks if frame - each.frame <= self._patience]
        found = result.instances
        boxes = np.array([item.box for item in found], np.float64).reshape(-1, 4)
        expected = np.array([each.expected(frame) for each in self._tracks]).reshape(-1, 4)
        overlap = iou(expected, boxes)
        overlap *= np.equal.outer(
            [each.class_index for each in self._tracks], [item.class_index for item in found]
        )
        ids: dict[int, int] = {}
        for i, j in zip(*self._assign(overlap, maximize=True), strict=True):
            if overlap[i, j] >= self._least_iou:
                self._tracks[i].move(boxes[j], frame)
                ids[j] = self._tracks[i].id
        for j, item in enumerate(found):
            if j not in ids and item.score >= self._start_score:
                self.started += 1
                ids[j] = self.started
                track = _Track(ids[j], item.class_index, boxes[j], frame, np.zeros(2))
                self._tracks.append(track)
        marked = tuple(replace(item, track=ids.get(j)) for j, item in enumerate(found))
        return replace(result, instances=marked)


def iou(first: NDArray[np.floating[Any]], second: NDArray[np.floating[Any]]) -> Array:
    """(n, 4) and (m, 4) boxes x1, y1, x2, y2 -> (n, m) float32 intersection over union."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = [
        np.prod(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None), axis=1) for boxes in (first, second)
    ]
    union = areas[0][:, None] + areas[1][None] - shared
    ratio = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    known: Array = np.nan_to_num(ratio).astype(np.float32)
    return known


def _centre(box: NDArray[np.float64]) -> NDArray[np.float64]:
    return (box[:2] + box[2:]) / 2
