"""The C functions on boxes, greedy NMS and ROI align, against the numpy reference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postprocess import _native
from postprocess.decoders.greedy_nms import greedy_nms
from postprocess.decoders.roi import roi_align
from postprocess.errors import InputError

SPECIAL = [np.nan, np.inf, -np.inf]


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    count=st.integers(0, 12),
    classes=st.integers(0, 3),
    special=st.sampled_from([0.0, 0.1]),
    overlap=st.sampled_from([-0.5, 0.0, 0.1, 0.5, 1.0, np.inf]),
    seed=st.integers(0, 2**32 - 1),
)
def test_greedy_nms_keeps_what_numpy_keeps(count, classes, special, overlap, seed):
    random = np.random.default_rng(seed)
    boxes = np.round(random.uniform(0, 20, (count, 4)), int(random.integers(0, 3))).astype("f4")
    boxes[:, 2:] += boxes[:, :2] - 2  # some inside out
    scores = random.integers(0, 4, count).astype(np.float32) / 4  # ties
    for values in (boxes, scores):
        odd = random.random(values.shape) < special
        values[odd] = random.choice(SPECIAL, int(odd.sum()))
    labels = None if classes == 0 else random.integers(0, classes, count)
    kept = greedy_nms(boxes, scores, overlap, labels)
    np.testing.assert_array_equal(kept, greedy_nms(boxes, scores, overlap, labels, "numpy"))


def test_boxes_of_other_classes_do_not_compete():
    boxes = np.asarray([[0, 0, 9, 9], [0, 0, 9, 9], [1, 0, 9, 9]], np.float32)
    scores = np.asarray([0.5, 0.9, 0.7], np.float32)
    assert greedy_nms(boxes, scores, 0.5, [0, 1, 0]).tolist() == [1, 2]
    assert greedy_nms(boxes, scores, 0.5).tolist() == [1]


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    shape=st.tuples(st.integers(0, 3), st.integers(1, 12), st.integers(1, 12)),
    size=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    count=st.integers(0, 4),
    reach=st.sampled_from([4.0, 30.0, 300.0]),
    seed=st.integers(0, 2**32 - 1),
)
def test_regions_are_numpy_s_but_for_the_order_of_sums(shape, size, count, reach, seed):
    random = np.random.default_rng(seed)
    feature = random.standard_normal(shape).astype(np.float32)
    boxes = random.uniform(-reach, reach, (count, 4)).astype(np.float32)
    boxes = np.round(boxes) if random.random() < 0.5 else boxes
    if count and random.random() < 0.2:
        boxes[0, random.integers(4)] = random.choice(SPECIAL)
    expected = roi_align(feature, boxes, size, backend="numpy")
    # averages of values of up to about 4, over at most 24 x 24 pixels in float32
    np.testing.assert_allclose(roi_align(feature, boxes, size), expected, rtol=0, atol=2e-6)


def test_a_box_far_larger_than_the_map_takes_no_longer():
    feature = np.ones((1, 4, 4), np.float32)
    boxes = np.asarray([[-1e30, -1e30, 1e30, 1e30], [-3e7, 0, 3e7, 4]], np.float32)
    regions = _native.roi_align(feature, boxes, 2, 2)
    assert np.isfinite(regions).all()
    assert regions.max() <= 1


def test_what_cannot_be_done_is_refused():
    boxes, scores = np.zeros((2, 4), np.float32), np.zeros(2, np.float32)
    with pytest.raises(InputError, match="classes expects 2 whole numbers"):
        greedy_nms(boxes, scores, 0.5, [0.5, 1])
    with pytest.raises(InputError, match="overlap expects a number"):
        greedy_nms(boxes, scores, np.nan)
    with pytest.raises(ValueError, match="size is 0"):
        _native.roi_align(np.zeros((1, 0, 3), np.float32), boxes, 2, 2)
