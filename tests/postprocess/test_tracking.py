"""Track ids: an object keeps its own, through crossings and gaps."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from postprocess.errors import InputError
from postprocess.result import Instance, Result
from postprocess.tracking import Tracker, iou


def result(*found: tuple[float, float, int, float]) -> Result:
    """Boxes of side 20 with their left, top, class and score."""
    return Result(
        tuple(
            Instance(str(label), label, score, np.array([x, y, x + 20, y + 20], np.float32))
            for x, y, label, score in found
        ),
        (200, 200),
    )


@pytest.fixture(autouse=True)
def _scipy() -> None:
    pytest.importorskip("scipy", reason="the extra 'video' is not installed")


def test_objects_keep_their_ids_whatever_order_they_come_in() -> None:
    tracker = Tracker()
    for frame in range(30):
        left, right = (10 + 4 * frame, 20, 0, 0.9), (150 - 4 * frame, 60, 0, 0.8)
        found = tracker(result(*((left, right) if frame % 2 else (right, left))), frame).instances
        ids = {item.box[1]: item.track for item in found}
        assert ids == {20: 2, 60: 1}
    assert tracker.started == 2


def test_an_object_that_is_hidden_for_a_while_is_expected_further_on() -> None:
    tracker = Tracker()
    for frame in (0, 1, 2, 3, 9):  # 48 pixels on in the gap, over twice its own size
        found = tracker(result((10 + 8 * frame, 20, 0, 0.9)), frame)
        assert [item.track for item in found.instances] == [1]


def test_an_object_that_was_away_for_longer_than_the_patience_is_a_new_one() -> None:
    tracker = Tracker(patience=5)
    ids = [tracker(result((10, 20, 0, 0.9)), frame).instances[0].track for frame in (0, 5, 11)]
    assert ids == [1, 1, 2]


def test_another_class_in_the_same_place_is_another_track() -> None:
    tracker = Tracker()
    ids = [
        tracker(result((10, 20, label, 0.9)), i).instances[0].track
        for i, label in enumerate((0, 1))
    ]
    assert ids == [1, 2]


def test_a_low_score_goes_on_with_a_track_and_starts_none() -> None:
    tracker = Tracker(start_score=0.3)
    ids = [
        tracker(result((10, 20, 0, score)), frame).instances[0].track
        for frame, score in enumerate((0.1, 0.5, 0.1))
    ]
    assert ids == [None, 1, 1]


def test_a_frame_without_objects_is_none_and_ends_nothing() -> None:
    tracker = Tracker()
    assert tracker(result(), 0).instances == ()
    tracker(result((10, 20, 0, 0.9)), 1)
    assert tracker(result(), 2).instances == ()
    assert tracker(result((10, 20, 0, 0.9)), 3).instances[0].track == 1


def test_iou_of_boxes_by_hand() -> None:
    boxes = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 20, 30]], np.float32)
    expected = [[1, 1 / 3, 0], [1 / 3, 1, 0], [0, 0, 0]]
    np.testing.assert_allclose(iou(boxes, boxes), expected, atol=1e-7)


def test_without_scipy_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(InputError, match=r"^.*model-surgery\[video\].*$"):
        Tracker()
