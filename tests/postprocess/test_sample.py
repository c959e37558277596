"""Feature samples: both backends equal, equal to grid_sample as the authors call it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from postprocess import decoders
from postprocess.errors import InputError

COORDINATES = st.one_of(
    st.floats(-3, 14, width=32),
    st.integers(-2, 13).map(lambda i: i / 2),
    st.sampled_from([np.nan, np.inf, -np.inf, 1e30]),
)


def grid_sample(feature: np.ndarray, points: np.ndarray, align_corners: bool) -> np.ndarray:
    """The authors' way: divide by half the size, less 1."""
    channels, height, width = feature.shape
    grid = torch.from_numpy(points / np.asarray([width / 2, height / 2], np.float32) - 1)
    sampled = torch.nn.functional.grid_sample(
        torch.from_numpy(feature)[None], grid.view(1, 1, -1, 2), align_corners=align_corners
    )
    return sampled.view(channels, -1).T.numpy()


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    shape=st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)),
    points=st.lists(st.tuples(COORDINATES, COORDINATES), max_size=40),
    align_corners=st.booleans(),
    special=st.booleans(),
    seed=st.integers(0, 99),
)
def test_numpy_and_cpp_give_the_same_samples(shape, points, align_corners, special, seed):
    random = np.random.default_rng(seed)
    feature = random.normal(size=shape[::-1]).astype(np.float32).transpose()
    if special and feature.size:
        feature.flat[random.integers(feature.size)] = random.choice([np.nan, np.inf])
    places = np.asarray(points, np.float32).reshape(-1, 2)
    results = [
        decoders.sample(feature, places, align_corners, backend=backend)
        for backend in ("cpp", "numpy")
    ]
    assert results[0].shape == (len(places), shape[0])
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize("backend", ["cpp", "numpy"])
@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("count", [50, 3000])  # with many points the planes are interleaved
def test_samples_are_those_of_grid_sample(backend, align_corners, count):
    random = np.random.default_rng(0)
    feature = random.normal(size=(10, 24, 37)).astype(np.float32)
    points = random.uniform(-3, 40, (count, 2)).astype(np.float32)
    ours = decoders.sample(feature, points, align_corners, backend=backend)
    # grid_sample's float32 coordinates carry an error of some 1e-6 pixels, times slopes of up to 5
    np.testing.assert_allclose(ours, grid_sample(feature, points, align_corners), atol=5e-5)


@pytest.mark.parametrize("backend", ["cpp", "numpy"])
def test_samples_on_the_authors_contours_are_those_of_grid_sample(backend, reference):
    outputs = np.load(reference / "e2ec" / "outputs.npz")
    feature, contours = outputs["feature"][0], outputs["poly_coarse"] / 4
    ours = decoders.sample(feature, contours, backend=backend)
    assert ours.shape == (100, 128, 64)
    theirs = grid_sample(feature, contours.reshape(-1, 2), False)
    # values reach 6.6; 2.2e-5 seen
    np.testing.assert_allclose(ours.reshape(-1, 64), theirs, atol=5e-5)


def test_bad_input_is_told():
    feature = np.zeros((2, 3, 4), np.float32)
    with pytest.raises(InputError, match="x, y in its last axis"):
        decoders.sample(feature, np.zeros((5, 3), np.float32))
    with pytest.raises(InputError, match="points expects float32"):
        decoders.sample(feature, np.zeros((5, 2), int))
    with pytest.raises(InputError, match=r"feature expects \(C,H,W\)"):
        decoders.sample(feature[None], np.zeros((5, 2), np.float32))
