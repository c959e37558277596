"""Differences and matches are measured as they are said to be."""

from __future__ import annotations

import math

import numpy as np
import pytest

from postprocess.errors import InputError
from postprocess.instances import Instances
from surgery.measure.arrays import FLOAT32_NOISE, compare, difference, tolerance, within
from surgery.measure.instances import box_iou, contour_distance, matching

SQUARE = np.array([[0, 0], [10, 0], [10, 10], [0, 10]], np.float32)


def instances(
    *contours: np.ndarray, classes: tuple[int, ...] = (), scores: tuple[float, ...] = ()
) -> Instances:
    boxes = [np.concatenate([c.min(0), c.max(0)]) for c in contours]
    same = len({len(c) for c in contours}) == 1
    return Instances(
        scores=np.array(scores or [0.5] * len(contours), np.float32),
        classes=np.array(classes or [0] * len(contours), np.int64),
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        contours=np.array(contours, np.float32) if same else None,
    )


def test_difference_of_two_arrays() -> None:
    found = difference(np.array([[3.0, 4.0]]), np.array([[3.0, 4.5]]))
    assert (found.max, found.mean, found.scale) == (0.5, 0.25, 4.0)
    assert found.p99 == 0.5
    assert found.cosine == pytest.approx((9 + 18) / (5 * math.hypot(3, 4.5)))


def test_nan_and_infinity_equal_themselves_and_nothing_else() -> None:
    odd = np.array([np.nan, np.inf, -np.inf, 1.0])
    assert difference(odd, odd).max == 0.0
    assert difference(odd, np.array([0.0, np.inf, -np.inf, 1.0])).max == math.inf
    assert difference(odd, np.array([np.nan, -np.inf, -np.inf, 1.0])).max == math.inf
    assert not within(difference(np.ones(1), np.array([np.nan])))


def test_empty_arrays_are_equal() -> None:
    assert within(difference(np.zeros((0, 2)), np.zeros((0, 2))))


def test_tolerance_grows_with_the_reference_or_with_measured_noise() -> None:
    found = difference(np.array([100.0]), np.array([100.0 + 1e-3]))
    assert tolerance(found) == pytest.approx(10 * FLOAT32_NOISE * 100)
    assert within(found)
    assert not within(found, noise=1e-5)
    assert within(found, noise=1e-3, factor=3)


@pytest.mark.parametrize(
    ("other", "message"),
    [({}, "expected an array 'a'"), ({"a": np.zeros((2, 1))}, r"shape \(2, 1\), expected \(2,\)")],
)
def test_arrays_that_cannot_be_compared_are_refused(
    other: dict[str, np.ndarray], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        compare({"a": np.zeros(2)}, other)


def test_boxes_overlap_by_intersection_over_union() -> None:
    a = np.array([[0, 0, 10, 10], [0, 0, 0, 0]], np.float32)
    b = np.array([[5, 0, 15, 10], [20, 20, 30, 30]], np.float32)
    assert box_iou(a, b) == pytest.approx(np.array([[1 / 3, 0], [0, 0]]))


def test_instances_are_matched_within_their_class_best_first() -> None:
    near, far = SQUARE + 1, SQUARE + 100
    reference = instances(SQUARE, far, far, classes=(0, 1, 0), scores=(0.9, 0.8, 0.7))
    other = instances(far, near, SQUARE + 3, classes=(1, 0, 0), scores=(0.8, 0.6, 0.5))
    found = matching(reference, other)
    assert found.pairs == ((0, 1), (1, 0))
    assert (found.matched, found.reference, found.other) == (2, 3, 3)
    assert found.max == pytest.approx(math.sqrt(2))
    assert found.mean == pytest.approx(math.sqrt(2) / 2)
    assert found.score == pytest.approx(0.3)


def test_an_instance_is_matched_once() -> None:
    assert matching(instances(SQUARE, SQUARE), instances(SQUARE)).pairs == ((0, 0),)


def test_centres_match_what_boxes_would_not() -> None:
    reference, other = instances(SQUARE), instances(SQUARE * 3 - 10)
    assert matching(reference, other).matched == 0
    assert matching(reference, other, by="centre").matched == 1
    assert matching(reference, instances(SQUARE + 5), by="centre").matched == 0
    with pytest.raises(InputError, match="iou or centre"):
        matching(reference, other, by="area")


def test_nothing_to_match_is_no_error() -> None:
    found = matching(instances(), instances(SQUARE))
    assert (found.matched, found.mean, found.max, found.score) == (0, 0.0, 0.0, 0.0)
    assert found.to_json()["pairs"] == []


def test_contours_of_as_many_points_are_compared_point_to_point() -> None:
    rolled = np.roll(SQUARE, 1, axis=0)
    assert contour_distance(SQUARE, rolled) == pytest.approx(np.full(4, 10.0))


def test_contours_of_other_point_counts_are_compared_wherever_they_start() -> None:
    dense = np.concatenate([SQUARE, (SQUARE + np.roll(SQUARE, -1, axis=0)) / 2])[
        [0, 4, 1, 5, 2, 6, 3, 7]
    ]
    assert contour_distance(SQUARE, np.roll(dense, 3, axis=0)) == pytest.approx(np.zeros(12))
    assert contour_distance(SQUARE, dense + np.array([2, 0])).max() == pytest.approx(2.0)
