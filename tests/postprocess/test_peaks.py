"""Centre peaks: both backends equal, equal to the authors' op-by-op decode, safe on bad values."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from postprocess import decoders
from postprocess.errors import InputError

# Few distinct values make ties and plateaus; 17 and more saturate the sigmoid in float32.
VALUES = st.sampled_from([-9.0, -2.9444, -2.9, -1.0, 0.0, 0.5, 3.0, 16.9, 17.5, 30.0])
SPECIAL = st.sampled_from([np.nan, np.inf, -np.inf])
HEATMAPS = hnp.arrays(
    np.float32,
    hnp.array_shapes(min_dims=3, max_dims=4, min_side=0, max_side=11),
    elements=st.one_of(VALUES, VALUES, VALUES, st.floats(-20, 20, width=32), SPECIAL),
    fill=VALUES,
)


def assert_same_peaks(one: object, other: object) -> None:
    ours = one if isinstance(one, list) else [one]
    theirs = other if isinstance(other, list) else [other]
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        for field, x, y in zip(a._fields, a, b, strict=True):
            assert x.dtype == y.dtype, field
            np.testing.assert_array_equal(x, y, err_msg=field)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    heatmap=HEATMAPS,
    k=st.integers(0, 40),
    threshold=st.sampled_from([0.0, 0.05, 0.5, 1.0, 1.5]),
    logits=st.booleans(),
    kernel=st.sampled_from([1, 3, 5, 9]),
    flipped=st.booleans(),
)
def test_numpy_and_cpp_give_the_same_peaks(heatmap, k, threshold, logits, kernel, flipped):
    if flipped:
        heatmap = heatmap[..., ::-1, ::-1].swapaxes(-1, -2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        results = [
            decoders.peaks(heatmap, k, threshold, logits, kernel, backend=backend)
            for backend in ("cpp", "numpy")
        ]
    assert_same_peaks(*results)


@pytest.mark.parametrize("backend", ["cpp", "numpy"])
@pytest.mark.parametrize("kernel", [3, 5])
def test_peaks_are_those_of_sigmoid_max_pool_and_topk(backend, kernel):
    heatmap = np.random.default_rng(0).normal(-2, 1.5, (2, 7, 31, 45)).astype(np.float32)
    scores = torch.sigmoid(torch.from_numpy(heatmap).double()).float()
    top = torch.nn.functional.max_pool2d(scores, kernel, stride=1, padding=kernel // 2)
    kept = (scores * (top == scores)).view(2, -1)
    best, index = torch.topk(kept, 60)
    found = decoders.peaks_batch(heatmap, k=60, threshold=0.3, kernel=kernel, backend=backend)
    for image in range(2):
        passed = best[image] >= 0.3
        np.testing.assert_array_equal(found[image].scores, best[image][passed])
        ours = (found[image].classes * 31 + found[image].ys) * 45 + found[image].xs
        np.testing.assert_array_equal(ours, index[image][passed])


@pytest.mark.parametrize("backend", ["cpp", "numpy"])
def test_peaks_are_the_detections_of_the_authors_network(backend, reference: Path):
    outputs = np.load(reference / "e2ec" / "outputs.npz")
    detection = outputs["detection"]  # x, y, score, class
    found = decoders.peaks(outputs["head.ct_hm"][0], k=100, threshold=0.05, backend=backend)
    np.testing.assert_array_equal(np.stack([found.xs, found.ys], axis=1), detection[:, :2])
    np.testing.assert_array_equal(found.classes, detection[:, 3])
    # theirs is a sigmoid in float32: one unit in the last place
    np.testing.assert_allclose(found.scores, detection[:, 2], rtol=0, atol=1.2e-7)


@pytest.mark.parametrize("backend", ["cpp", "numpy"])
def test_ties_go_by_class_then_y_then_x(backend):
    heatmap = np.full((2, 3, 5), -9.0, np.float32)
    for place in [(1, 0, 0), (0, 2, 4), (0, 2, 0), (0, 0, 2)]:
        heatmap[place] = 1.0
    found = decoders.peaks(heatmap, backend=backend)
    places = list(zip(found.classes, found.ys, found.xs, strict=True))
    assert places == [(0, 0, 2), (0, 2, 0), (0, 2, 4), (1, 0, 0)]


@pytest.mark.parametrize("backend", ["cpp", "numpy"])
def test_every_pixel_of_a_plateau_is_a_peak(backend):
    found = decoders.peaks(np.full((1, 2, 3), 2.0, np.float32), backend=backend)
    assert len(found.scores) == 6


@pytest.mark.parametrize("backend", ["cpp", "numpy"])
def test_one_warning_counts_what_is_not_finite_and_nan_hides_no_neighbour(backend):
    heatmap = np.full((1, 3, 6), -5.0, np.float32)
    heatmap[0, 1] = [2.0, np.nan, 1.0, -np.inf, -5.0, np.inf]
    with pytest.warns(RuntimeWarning, match=r"3 values.*1 NaN, 1 \+inf, 1 -inf") as caught:
        found = decoders.peaks(heatmap, backend=backend)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert found.xs.tolist() == [5, 0, 2]
    assert found.scores[0] == 1.0


@pytest.mark.parametrize("backend", ["cpp", "numpy"])
def test_an_infinite_probability_counts_as_one(backend):
    heatmap = np.asarray([[[0.2, np.inf, 0.3]]], np.float32)
    with pytest.warns(RuntimeWarning):
        found = decoders.peaks(heatmap, logits=False, backend=backend)
    assert (found.scores.tolist(), found.xs.tolist()) == ([1.0], [1])


@pytest.mark.parametrize("backend", ["cpp", "numpy"])
def test_threshold_keeps_a_score_that_equals_it(backend):
    heatmap = np.asarray([[[0.05, 0.0, np.nextafter(np.float32(0.05), np.float32(0))]]], np.float32)
    found = decoders.peaks(heatmap, threshold=0.05, logits=False, backend=backend)
    assert found.xs.tolist() == [0]


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_other_float_types_are_converted(dtype):
    heatmap = np.random.default_rng(1).normal(size=(3, 9, 8)).astype(np.float16).astype(dtype)
    assert_same_peaks(decoders.peaks(heatmap), decoders.peaks(heatmap.astype(np.float32)))


@pytest.mark.parametrize(
    ("heatmap", "parameters", "message"),
    [
        (np.zeros((3, 4, 5), int), {}, "heatmap expects float32"),
        (np.zeros((4, 5), np.float32), {}, r"\(C,H,W\) or \(N,C,H,W\), got 2 axes"),
        (np.zeros((3, 4, 5), np.float32), {"kernel": 2}, "odd side"),
        (np.zeros((3, 4, 5), np.float32), {"k": -1}, "k expects"),
        (np.zeros((3, 4, 5), np.float32), {"k": 1.5}, "k expects"),
        (np.zeros((3, 4, 5), np.float32), {"threshold": np.nan}, "threshold expects"),
        (np.zeros((3, 4, 5), np.float32), {"backend": "cuda"}, "'cpp' or 'numpy'"),
    ],
)
def test_bad_input_is_one_line(heatmap, parameters, message):
    with pytest.raises(InputError, match=message) as caught:
        decoders.peaks(heatmap, **parameters)
    assert "\n" not in str(caught.value)


def test_cpp_without_its_extension_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "postprocess._native", None)
    with pytest.raises(ImportError, match=r"pip install \..*backend='numpy'"):
        decoders.peaks(np.zeros((1, 2, 2), np.float32))
