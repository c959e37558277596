"""Contour resampling: both backends equal, equal to Deep Snake's, safe on degenerate polygons."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postprocess import decoders
from postprocess.errors import InputError

NUMBERS = st.one_of(
    st.integers(0, 3).map(float), st.floats(-99, 99, width=32), st.sampled_from([np.nan, np.inf])
)
FINITE = st.one_of(st.integers(0, 3).map(float), st.floats(-99, 99, width=32))


def polygons(numbers):
    return st.lists(st.tuples(numbers, numbers), min_size=1, max_size=20).map(
        lambda points: np.asarray(points, np.float32)
    )


@settings(max_examples=200, deadline=None, derandomize=True)
@given(polygon=polygons(NUMBERS), count=st.integers(1, 40))
def test_numpy_and_cpp_give_the_same_points(polygon, count):
    both = [decoders.resample(polygon, count, backend=backend) for backend in ("cpp", "numpy")]
    assert both[0].shape == (count, 2)
    assert both[0].dtype == np.float32
    np.testing.assert_array_equal(*both)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(polygon=polygons(FINITE), extra=st.integers(0, 30))
def test_every_vertex_stays_where_there_are_points_enough(polygon, extra):
    points = decoders.resample(polygon, len(polygon) + extra)
    assert all((points == vertex).all(axis=1).any() for vertex in polygon)
    np.testing.assert_array_equal(points[0], polygon[0])


def diamonds(boxes: np.ndarray) -> np.ndarray:
    """Edge midpoints of boxes: top, left, bottom, right, as Deep Snake starts."""
    x1, y1, x2, y2 = boxes.T
    middle_x, middle_y = (x1 + x2) / 2, (y1 + y2) / 2
    corners = [middle_x, y1, x1, middle_y, middle_x, y2, x2, middle_y]
    return np.stack(corners, axis=1).reshape(-1, 4, 2)


def octagons(ex: np.ndarray) -> np.ndarray:
    """Octagon of four extreme points (top, left, bottom, right): an eighth of the box each way."""
    (tx, top), (left, ly), (bx, bottom), (right, ry) = (ex[:, i].T for i in range(4))
    dx, dy = (right - left) / np.float32(8), (bottom - top) / np.float32(8)
    low_x, high_x = lambda x: np.maximum(x - dx, left), lambda x: np.minimum(x + dx, right)
    low_y, high_y = lambda y: np.maximum(y - dy, top), lambda y: np.minimum(y + dy, bottom)
    points = [
        (tx, top), (low_x(tx), top), (left, low_y(ly)), (left, ly), (left, high_y(ly)),
        (low_x(bx), bottom), (bx, bottom), (high_x(bx), bottom), (right, high_y(ry)),
        (right, ry), (right, low_y(ry)), (high_x(tx), top),
    ]  # fmt: skip
    return np.stack([np.stack(point, axis=1) for point in points], axis=1)


@pytest.mark.parametrize("backend", ["cpp", "numpy"])
def test_points_are_those_of_deep_snake(backend, reference):
    outputs = np.load(reference / "snake" / "outputs.npz")
    start = decoders.resample(diamonds(outputs["detection"][:, :4]), 40, backend=backend)
    np.testing.assert_array_equal(start, outputs["it_ex"])
    height, width = outputs["feature"].shape[2:]
    extremes = decoders.clip_contours(outputs["ex"], height, width)
    contours = decoders.resample(octagons(extremes), 128, backend=backend)
    # one unit in the last place of coordinates up to 80
    np.testing.assert_allclose(contours, outputs["it_py"], rtol=0, atol=8e-6)


@pytest.mark.parametrize("backend", ["cpp", "numpy"])
@pytest.mark.parametrize("vertices", [1, 4])
def test_a_polygon_without_length_gives_its_point(backend, vertices):
    polygon = np.tile(np.asarray([[3.0, 4.0]], np.float32), (vertices, 1))
    points = decoders.resample(polygon, 9, backend=backend)
    # a mean of two equal numbers, rounded: one unit in the last place
    np.testing.assert_allclose(points, np.tile(polygon[:1], (9, 1)), rtol=1.2e-7)


@pytest.mark.parametrize("backend", ["cpp", "numpy"])
def test_with_more_vertices_than_points_the_longest_edges_stay(backend):
    polygon = np.asarray([[0, 0], [1, 0], [9, 0], [9, 1], [9, 9], [0, 9]], np.float32)
    points = decoders.resample(polygon, 4, backend=backend)
    assert points.tolist() == [[1, 0], [9, 1], [9, 9], [0, 9]]


def test_bad_input_is_told():
    with pytest.raises(InputError, match="at least one vertex"):
        decoders.resample(np.zeros((0, 2), np.float32), 8)
    with pytest.raises(InputError, match="count expects"):
        decoders.resample(np.zeros((3, 2), np.float32), 0)
    with pytest.raises(InputError, match="x, y in its last axis"):
        decoders.resample(np.zeros((3, 3), np.float32), 8)
