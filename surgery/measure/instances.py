"""Match the instances of two decodes of one image and measure how far their contours moved.

The distance between polygons of different point counts is the one from vertices to the other's
outline, both ways (Hausdorff's for the largest), so the starting point does not matter.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from postprocess.errors import InputError
from postprocess.instances import Instances

Points = NDArray[Any]

# Score from which an instance counts in a verdict: fainter ones come and go with any rounding.
SURE = 0.3


@dataclass(frozen=True)
class Matching:
    """What became of the reference's instances.

    Attributes:
        pairs: (index in the reference, index in the other), reference order.
        matched: number of pairs.
        reference, other: numbers of instances.
        mean, max: distance of contour points (or keypoints, or box corners where there are no
            contours) over all pairs, network-input pixels; 0 without pairs.
        score: largest difference of scores over all pairs.
    """

    pairs: tuple[tuple[int, int], ...]
    matched: int
    reference: int
    other: int
    mean: float
    max: float
    score: float

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self) | {"pairs": [list(pair) for pair in self.pairs]}


def matching(
    reference: Instances, other: Instances, *, by: str = "iou", threshold: float | None = None
) -> Matching:
    """Pair instances of the same class, best pair first, each used once.

    Args:
        reference: instances of one image.
        other: instances of the same image.
        by: "iou" of the boxes, or "centre", the distance of the boxes' centres in pixels.
        threshold: least IoU (0.5) or largest distance (4 pixels) of a pair.

    Raises:
        InputError: ``by`` is something else.
    """
    if by == "iou":
        quality = box_iou(reference.boxes, other.boxes)
        allowed = quality >= (0.5 if threshold is None else threshold)
    elif by == "centre":
        quality = -_centre_distance(reference.boxes, other.boxes)
        allowed = -quality <= (4.0 if threshold is None else threshold)
    else:
        raise InputError(f"instances are matched by iou or centre, got {by!r}")
    allowed &= reference.classes[:, None] == other.classes[None, :]
    pairs = _greedy(quality, allowed)
    gaps = [_distances(reference, i, other, j) for i, j in pairs]
    every = np.concatenate(gaps) if gaps else np.zeros(1)
    scores = [abs(float(reference.scores[i]) - float(other.scores[j])) for i, j in pairs]
    return Matching(
        pairs=pairs,
        matched=len(pairs),
        reference=len(reference),
        other=len(other),
        mean=float(every.mean()),
        max=float(every.max()),
        score=max(scores, default=0.0),
    )


def box_iou(a: Points, b: Points) -> NDArray[np.float64]:
    """Return the IoU of boxes (n,4) and (m,4), x1, y1, x2, y2, as (n,m)."""
    a, b = a.astype(np.float64)[:, None], b.astype(np.float64)[None]
    low, high = np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., 2:], b[..., 2:])
    shared = np.clip(high - low, 0, None).prod(-1)
    areas = [np.clip(box[..., 2:] - box[..., :2], 0, None).prod(-1) for box in (a, b)]
    union = areas[0] + areas[1] - shared
    return np.asarray(np.divide(shared, union, out=np.zeros_like(shared), where=union > 0))


def contour_distance(a: Points, b: Points) -> NDArray[np.float64]:
    """Return distances between closed polygons (P,2) and (Q,2), in their own unit.

    Point to point (P,) for P = Q; otherwise from each vertex to the other's outline (P+Q,).
    """
    a, b = a.astype(np.float64), b.astype(np.float64)
    if len(a) == len(b):
        return np.asarray(np.linalg.norm(a - b, axis=1))
    return np.concatenate([_to_outline(a, b), _to_outline(b, a)])


def _to_outline(points: Points, polygon: Points) -> NDArray[np.float64]:
    start, edge = polygon[None], (np.roll(polygon, -1, axis=0) - polygon)[None]
    length = (edge**2).sum(-1)
    along = ((points[:, None] - start) * edge).sum(-1)
    share = np.divide(along, length, out=np.zeros_like(along), where=length > 0).clip(0, 1)
    gap = points[:, None] - (start + share[..., None] * edge)
    return np.asarray(np.linalg.norm(gap, axis=-1).min(axis=1))


def _centre_distance(a: Points, b: Points) -> NDArray[np.float64]:
    centres = [(box[:, :2] + box[:, 2:]).astype(np.float64) / 2 for box in (a, b)]
    return np.asarray(np.linalg.norm(centres[0][:, None] - centres[1][None], axis=-1))


def _greedy(
    quality: NDArray[np.float64], allowed: NDArray[np.bool_]
) -> tuple[tuple[int, int], ...]:
    rows, columns = np.nonzero(allowed)
    order = np.lexsort((columns, rows, -quality[rows, columns]))
    pairs: dict[int, int] = {}
    used: set[int] = set()
    for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
        if row not in pairs and column not in used:
            pairs[row] = column
            used.add(column)
    return tuple(sorted(pairs.items()))


def _distances(a: Instances, i: int, b: Instances, j: int) -> NDArray[np.float64]:
    if a.contours is not None and b.contours is not None:
        return contour_distance(a.contours[i], b.contours[j])
    if a.keypoints is not None and b.keypoints is not None:
        return contour_distance(a.keypoints[i, :, :2], b.keypoints[j, :, :2])
    return contour_distance(a.boxes[i].reshape(2, 2), b.boxes[j].reshape(2, 2))
