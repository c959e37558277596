"""Keypoints: both backends equal, true to OpenCV's blur and the papers' step, safe at borders."""

from __future__ import annotations

import warnings

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from postprocess import decoders
from postprocess.decoders.keypoints import METHODS, gaussian_kernel
from postprocess.errors import InputError

BACKENDS = ("cpp", "numpy")


def gaussians(centres: np.ndarray, height: int = 64, width: int = 48, sigma: float = 2.0):
    """(1,K,H,W) heatmaps with one bump each."""
    y, x = np.mgrid[:height, :width]
    maps = [np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * sigma**2)) for cx, cy in centres]
    return np.asarray(maps, np.float32)[None]


def dark_of_one_map(heatmap: np.ndarray, kernel: int) -> np.ndarray:
    """DARK as its authors write it, over the whole map, in float64."""
    radius = kernel // 2
    bordered = np.pad(heatmap.astype(np.float64), radius)
    blurred = cv2.GaussianBlur(bordered, (kernel, kernel), 0)[radius:-radius, radius:-radius]
    log = np.log(np.maximum(blurred, 1e-10))
    y, x = np.unravel_index(np.argmax(heatmap), heatmap.shape)
    height, width = heatmap.shape
    if not (1 < x < width - 2 and 1 < y < height - 2):
        return np.asarray([x, y], float)
    gradient = 0.5 * np.array([log[y, x + 1] - log[y, x - 1], log[y + 1, x] - log[y - 1, x]])
    xx = log[y, x + 2] - 2 * log[y, x] + log[y, x - 2]
    yy = log[y + 2, x] - 2 * log[y, x] + log[y - 2, x]
    xy = log[y + 1, x + 1] - log[y - 1, x + 1] - log[y + 1, x - 1] + log[y - 1, x - 1]
    return np.array([x, y]) - np.linalg.solve(0.25 * np.array([[xx, xy], [xy, yy]]), gradient)


def dark_udp_of_one_map(heatmap: np.ndarray, kernel: int) -> np.ndarray:
    """DARK-UDP as its authors write it, over the whole map, in float64."""
    blurred = cv2.GaussianBlur(heatmap.astype(np.float64), (kernel, kernel), 0)
    log = np.pad(np.log(np.clip(blurred, 1e-3, 50)), 1, mode="edge")
    row, column = np.unravel_index(np.argmax(heatmap), heatmap.shape)
    y, x = row + 1, column + 1
    gradient = 0.5 * np.array([log[y, x + 1] - log[y, x - 1], log[y + 1, x] - log[y - 1, x]])
    xx = log[y, x + 1] - 2 * log[y, x] + log[y, x - 1]
    yy = log[y + 1, x] - 2 * log[y, x] + log[y - 1, x]
    cross = log[y + 1, x + 1] - log[y, x + 1] - log[y + 1, x] + 2 * log[y, x]
    xy = 0.5 * (cross - log[y, x - 1] - log[y - 1, x] + log[y - 1, x - 1])
    hessian = np.array([[xx, xy], [xy, yy]]) + np.finfo(np.float32).eps * np.eye(2)
    return np.array([column, row]) - np.linalg.solve(hessian, gradient)


@settings(max_examples=120, deadline=None, derandomize=True)
@given(
    heatmaps=hnp.arrays(
        np.float32,
        st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(1, 9), st.integers(1, 9)),
        elements=st.one_of(
            st.floats(0, 1, width=32),
            st.sampled_from([0.0, 0.5, 1.0, -2.0]),
            st.sampled_from([np.nan, np.inf, -np.inf]),
        ),
        fill=st.sampled_from([0.0, np.nan]),
    ),
    method=st.sampled_from(METHODS),
    kernel=st.sampled_from([1, 3, 5, 9]),
    flipped=st.booleans(),
)
def test_numpy_and_cpp_give_the_same_keypoints(heatmaps, method, kernel, flipped):
    if flipped:
        heatmaps = heatmaps[..., ::-1].swapaxes(-1, -2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        (points, scores), (expected_points, expected_scores) = (
            decoders.keypoints(heatmaps, method, kernel, backend=backend) for backend in BACKENDS
        )
    np.testing.assert_array_equal(scores, expected_scores)
    # the two logarithms may differ in the last place, which a flat Hessian magnifies
    np.testing.assert_allclose(points, expected_points, rtol=0, atol=1e-4)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("method", "sharp"), [("argmax", 0.5), ("quarter", 0.26), ("dark", 0.01)])
def test_methods_come_as_near_as_they_promise(backend, method, sharp):
    centres = np.random.default_rng(0).uniform(8, 40, (30, 2))
    points, scores = decoders.keypoints(gaussians(centres), method, backend=backend)
    assert points.shape == (1, 30, 2)
    assert np.abs(points[0] - centres).max() < sharp
    np.testing.assert_array_equal(scores[0], gaussians(centres)[0].max(axis=(1, 2)))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kernel", [3, 5, 11])
@pytest.mark.parametrize("size", ["128x96", "256x192"])
def test_dark_methods_are_the_papers_on_heatmaps_of_tinypose(backend, kernel, size, reference):
    heatmaps = np.load(reference / "tinypose" / f"heatmaps_{size}.npz")
    for name in [name for name in heatmaps.files if name.endswith(".heatmap")]:
        maps = heatmaps[name]
        dark, _ = decoders.keypoints(maps[None], "dark", kernel, backend=backend)
        udp, _ = decoders.keypoints(maps[None], "dark_udp", kernel, backend=backend)
        # points are float32 of up to 64 pixels; some joints are faint, with a flat Hessian
        expected = np.stack([dark_of_one_map(one, kernel) for one in maps])
        np.testing.assert_allclose(dark[0], expected, atol=1e-4)
        expected = np.stack([dark_udp_of_one_map(one, kernel) for one in maps])
        np.testing.assert_allclose(udp[0], expected, atol=1e-4)


@pytest.mark.parametrize("backend", BACKENDS)
def test_quarter_moves_towards_the_larger_neighbour_only(backend):
    heatmap = np.zeros((1, 1, 7, 7), np.float32)
    heatmap[0, 0, 3, 2:5] = [0.2, 1.0, 0.5]
    points, _ = decoders.keypoints(heatmap, "quarter", backend=backend)
    assert points[0, 0].tolist() == [3.25, 3.0]  # no neighbour is larger on y
    points, _ = decoders.keypoints(heatmap[..., ::-1], "quarter", backend=backend)
    assert points[0, 0].tolist() == [2.75, 3.0]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("method", METHODS)
def test_a_maximum_at_the_border_stays_on_the_map(backend, method):
    for y, x in [(0, 0), (0, 5), (4, 0), (4, 5), (2, 0), (0, 3)]:
        heatmap = np.zeros((1, 1, 5, 6), np.float32)
        heatmap[0, 0, y, x] = 1.0
        points, _ = decoders.keypoints(heatmap, method, backend=backend)
        assert np.abs(points[0, 0] - [x, y]).max() <= 1.0


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("method", METHODS)
def test_nan_is_passed_over_and_reported(backend, method):
    heatmaps = np.full((1, 2, 6, 6), np.nan, np.float32)
    heatmaps[0, 1, 3, 2] = 0.5
    with pytest.warns(RuntimeWarning, match="71 values that are not finite"):
        points, scores = decoders.keypoints(heatmaps, method, backend=backend)
    assert points[0, 0].tolist() == [0, 0]
    assert scores[0].tolist() == [0, 0.5]
    assert np.abs(points[0, 1] - [2, 3]).max() <= 0.5


def test_the_caller_s_heatmap_is_left_alone():
    heatmaps = gaussians(np.asarray([[20.3, 30.6]]))
    before = heatmaps.copy()
    for backend in BACKENDS:
        decoders.keypoints(heatmaps, "dark", backend=backend)
    np.testing.assert_array_equal(heatmaps, before)


@pytest.mark.parametrize("side", [1, 3, 5, 7, 11, 15])
def test_blur_weights_are_opencv_s(side):
    np.testing.assert_allclose(
        gaussian_kernel(side), cv2.getGaussianKernel(side, 0).ravel(), atol=1e-12
    )


def test_bad_input_is_told():
    heatmaps = np.zeros((1, 2, 4, 4), np.float32)
    with pytest.raises(InputError, match="method expects one of argmax"):
        decoders.keypoints(heatmaps, "mean")
    with pytest.raises(InputError, match="odd side"):
        decoders.keypoints(heatmaps, "dark", kernel=4)
    with pytest.raises(InputError, match="at least one pixel"):
        decoders.keypoints(heatmaps[..., :0])
    with pytest.raises(InputError, match=r"\(N,K,H,W\)"):
        decoders.keypoints(heatmaps[0])
