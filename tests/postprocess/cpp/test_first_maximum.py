"""The first maximum of maps that are larger than the blocks in which it is looked for."""

from __future__ import annotations

import warnings

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from postprocess import decoders


@settings(max_examples=60, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32 - 1), levels=st.sampled_from([1, 2, 50]), nan=st.integers(0, 4000))
def test_large_maps_give_the_same_first_maximum(seed, levels, nan):
    random = np.random.default_rng(seed)
    heatmaps = random.integers(0, levels, (1, 1, 50, 70)).astype(np.float32)
    heatmaps[heatmaps == 0] = random.choice([0, -np.inf])
    heatmaps.ravel()[:nan] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        both = [decoders.keypoints(heatmaps, backend=backend) for backend in ("cpp", "numpy")]
        rows = heatmaps.reshape(1, 1, -1)
        axes = [decoders.simcc(rows, rows, backend=backend) for backend in ("cpp", "numpy")]
    for one, other in (*zip(*both, strict=True), *zip(*axes, strict=True)):
        np.testing.assert_array_equal(one, other)
