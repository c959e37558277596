"""Fast-NMS: both backends equal, equal to the authors' result, safe on degenerate boxes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postprocess import decoders
from postprocess.errors import InputError

NUMBERS = st.one_of(
    st.integers(-4, 20).map(float), st.floats(0, 20, width=32), st.sampled_from([np.nan, np.inf])
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    rows=st.lists(
        st.tuples(
            *[NUMBERS] * 4, st.sampled_from([0.1, 0.5, 0.9, -0.0, np.nan]), st.integers(0, 3)
        ),
        max_size=25,
    ),
    iou=st.sampled_from([0.0, 0.3, 0.7, 1.0, 1.5]),
    by_class=st.booleans(),
)
def test_numpy_and_cpp_keep_the_same_boxes(rows, iou, by_class):
    table = np.asarray(rows, np.float32).reshape(-1, 6)
    classes = table[:, 5].astype(int) if by_class else None
    kept = [
        decoders.fast_nms(table[:, :4], table[:, 4], classes, iou, backend=backend)
        for backend in ("cpp", "numpy")
    ]
    assert kept[0].dtype == kept[1].dtype == np.int64
    np.testing.assert_array_equal(*kept)


@pytest.mark.parametrize("backend", ["cpp", "numpy"])
def test_kept_contours_are_those_of_the_authors(backend, reference):
    outputs = np.load(reference / "e2ec" / "outputs.npz")
    contours, detection = outputs["py.2"], outputs["detection"]
    boxes = decoders.contour_boxes(contours)
    kept = decoders.fast_nms(boxes, detection[:, 2], detection[:, 3], iou=0.7, backend=backend)
    assert len(kept) == 33
    np.testing.assert_array_equal(contours[kept], outputs["nms.py"])
    np.testing.assert_array_equal(detection[kept], outputs["nms.detection"])


@pytest.mark.parametrize("backend", ["cpp", "numpy"])
def test_a_removed_box_still_removes_and_ties_go_by_index(backend):
    boxes = np.asarray([[0, 0, 10, 10], [2, 0, 12, 10], [4, 0, 14, 10]], np.float32)
    scores = np.asarray([0.9, 0.8, 0.7], np.float32)
    assert decoders.fast_nms(boxes, scores, iou=0.6, backend=backend).tolist() == [0]
    apart = boxes + np.asarray([[0], [50], [100]], np.float32)
    equal = np.full(3, 0.5, np.float32)
    assert decoders.fast_nms(apart, equal, backend=backend).tolist() == [0, 1, 2]


@pytest.mark.parametrize("backend", ["cpp", "numpy"])
def test_points_do_not_remove_each_other_and_nan_scores_are_dropped(backend):
    boxes = np.asarray([[1, 1, 1, 1], [5, 5, 5, 5], [0, 0, 2, 2]], np.float32)
    scores = np.asarray([0.9, 0.8, np.nan], np.float32)
    assert decoders.fast_nms(boxes, scores, backend=backend).tolist() == [0, 1]


def test_bad_input_is_told():
    boxes, scores = np.zeros((2, 4), np.float32), np.zeros(2, np.float32)
    with pytest.raises(InputError, match=r"boxes expects \(n,4\)"):
        decoders.fast_nms(boxes[:, :3], scores)
    with pytest.raises(InputError, match="scores expects 2 values"):
        decoders.fast_nms(boxes, scores[:1])
    with pytest.raises(InputError, match="classes expects 2 whole numbers"):
        decoders.fast_nms(boxes, scores, np.asarray([0.5, 1.0]))
    with pytest.raises(InputError, match="iou expects a number"):
        decoders.fast_nms(boxes, scores, iou=float("nan"))
