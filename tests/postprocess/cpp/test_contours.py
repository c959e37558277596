"""The C functions for contours against the numpy functions that define them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postprocess import _native, decoders
from postprocess.decoders.contours import contours_at
from postprocess.decoders.extreme import diamonds, octagons
from postprocess.decoders.flip import merge_flipped

SPECIAL = [np.nan, np.inf, -np.inf]


@st.composite
def arrays(draw, *shape: int | None, count: int = 1):
    """Float32 arrays of one shape, None being any small size; some ties, some special values."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sizes = tuple(draw(st.integers(0, 5)) if side is None else side for side in shape)
    share = draw(st.sampled_from([0.0, 0.1]))
    made = []
    for _ in range(count):
        array = random.uniform(-20, 40, sizes).astype(np.float32)
        array = np.round(array) if draw(st.booleans()) else array
        odd = random.random(sizes) < share
        array[odd] = random.choice(SPECIAL, int(odd.sum()))
        made.append(array)
    return made if count > 1 else made[0]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(boxes=arrays(None, 4), extreme=arrays(None, 4, 2))
def test_diamonds_and_octagons(boxes, extreme):
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(diamonds(boxes), diamonds(boxes, "numpy"))
        np.testing.assert_array_equal(octagons(extreme), octagons(extreme, "numpy"))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(contours=arrays(None, 5, 2), height=st.integers(1, 30), width=st.integers(1, 30))
def test_points_are_clipped_moved_to_the_origin_and_boxed(contours, height, width):
    np.testing.assert_array_equal(
        decoders.clip_contours(contours, height, width),
        decoders.clip_contours(contours, height, width, "numpy"),
    )
    with np.errstate(invalid="ignore"):
        for function in (decoders.canonical_contours, decoders.contour_boxes):
            np.testing.assert_array_equal(function(contours), function(contours, "numpy"))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(boxes=arrays(None, 4), height=st.integers(1, 30), width=st.integers(1, 30))
def test_boxes_are_cut_to_the_map_as_deep_snake_cuts_them(boxes, height, width):
    low = np.maximum(boxes[:, :2], np.float32(0))
    high = np.minimum(boxes[:, 2:], np.asarray([width - 1, height - 1], np.float32))
    clipped = _native.clip_boxes(boxes, height, width)
    np.testing.assert_array_equal(clipped, np.concatenate([low, high], axis=1))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(offsets=arrays(1, 10, 6, 7), data=st.data())
def test_initial_contours_are_read_at_the_peaks(offsets, data):
    count = data.draw(st.integers(0, 4))
    xs = np.asarray(data.draw(st.lists(st.integers(0, 6), min_size=count, max_size=count)), int)
    ys = np.asarray(data.draw(st.lists(st.integers(0, 5), min_size=count, max_size=count)), int)
    expected = contours_at(offsets[0], xs, ys, 10.0, "numpy")
    np.testing.assert_array_equal(contours_at(offsets[0], xs, ys, 10.0), expected)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(both=arrays(None, 9, 2, count=2), least=st.integers(-1, 3))
def test_jagged_contours_go_back(both, least):
    with np.errstate(invalid="ignore"):
        expected = decoders.undo_jagged(*both, least=least, backend="numpy")
    np.testing.assert_array_equal(decoders.undo_jagged(*both, least=least), expected)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(both=arrays(None, 4, None, None, count=2), shift=st.booleans())
def test_flipped_heatmaps_are_merged(both, shift):
    order = np.asarray([0, 2, 1, 3])
    with np.errstate(invalid="ignore"):
        expected = merge_flipped(*both, order, shift)
    np.testing.assert_array_equal(_native.merge_flipped(*both, order, shift), expected)


def test_what_lies_outside_of_a_map_is_refused():
    offsets = np.zeros((1, 6, 4, 5), np.float32)
    with pytest.raises(ValueError, match="parameter is out of its range"):
        _native.initial_contours(offsets, np.asarray([5]), np.asarray([0]), 1.0)
    maps = np.zeros((1, 2, 3, 3), np.float32)
    with pytest.raises(ValueError, match="parameter is out of its range"):
        _native.merge_flipped(maps, maps, np.asarray([0, 2]), True)
