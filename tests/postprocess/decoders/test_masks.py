"""Masks and run lengths: both backends equal, equal to pycocotools, safe on bad values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco

from postprocess import decoders
from postprocess.errors import InputError

BACKENDS = ("cpp", "numpy")


@st.composite
def contours(draw, special: bool):
    """(n,P,2) polygons around a small mask, on and off the grid of fifths, some crossing."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (draw(st.integers(0, 3)), draw(st.integers(3, 9)), 2)
    spread = draw(st.sampled_from([1.0, 12.0, 60.0, 3000.0]))
    polygons = random.uniform(-spread / 3, spread, shape)
    grid = draw(st.sampled_from([0.0, 0.1, 0.5, 1.0]))
    polygons = np.round(polygons / grid) * grid if grid else polygons
    if special:
        odd = random.random(shape) < draw(st.sampled_from([0.0, 0.05]))
        polygons[odd] = random.choice([np.nan, np.inf, -np.inf, 1e30], int(odd.sum()))
    return polygons.astype(np.float32)


SIDES = st.integers(0, 20)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(polygons=contours(special=True), height=SIDES, width=SIDES)
def test_numpy_and_cpp_give_the_same_masks_and_runs(polygons, height, width):
    masks = [decoders.masks(polygons, height, width, backend=backend) for backend in BACKENDS]
    assert masks[0].dtype == masks[1].dtype == np.uint8
    np.testing.assert_array_equal(*masks)
    runs = [decoders.run_lengths(polygons, height, width, backend=backend) for backend in BACKENDS]
    assert len(runs[0]) == len(runs[1]) == len(polygons)
    for one, other in zip(*runs, strict=True):
        assert one.dtype == other.dtype == np.uint32
        np.testing.assert_array_equal(one, other)
        texts = [decoders.rle_string(one, backend=backend) for backend in BACKENDS]
        assert texts[0] == texts[1]


@settings(max_examples=150, deadline=None, derandomize=True)
@given(polygons=contours(special=False), height=st.integers(1, 20), width=st.integers(1, 20))
def test_masks_and_texts_are_those_of_pycocotools(polygons, height, width):
    runs = decoders.run_lengths(polygons, height, width)
    for polygon, mask, counts in zip(
        polygons, decoders.masks(polygons, height, width), runs, strict=True
    ):
        (theirs,) = coco.frPyObjects([polygon.astype(float).ravel().tolist()], height, width)
        np.testing.assert_array_equal(mask, coco.decode(theirs))
        assert decoders.rle_string(counts) == theirs["counts"].decode()


@pytest.mark.parametrize("backend", BACKENDS)
def test_real_contours_fill_as_pycocotools_fills_them(backend, reference):
    outputs = np.load(reference / "e2ec" / "outputs.npz")
    contours = outputs["py.2"].astype(np.float32)
    masks = decoders.masks(contours, 256, 320, backend=backend)
    assert masks.any(axis=(1, 2)).mean() > 0.5
    for contour, mask in zip(contours, masks, strict=True):
        (theirs,) = coco.frPyObjects([contour.astype(float).ravel().tolist()], 256, 320)
        np.testing.assert_array_equal(mask, coco.decode(theirs))


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_rectangle_covers_its_pixels(backend):
    rectangle = np.asarray([[[1, 2], [4, 2], [4, 5], [1, 5]]], np.float32)
    (mask,) = decoders.masks(rectangle, 6, 5, backend=backend)
    expected = np.zeros((6, 5), np.uint8)
    expected[2:5, 1:4] = 1
    np.testing.assert_array_equal(mask, expected)
    (runs,) = decoders.run_lengths(rectangle, 6, 5, backend=backend)
    assert runs.tolist() == [8, 3, 3, 3, 3, 3, 7]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_contour_with_nan_and_a_point_are_empty(backend):
    polygons = np.full((2, 4, 2), 3.0, np.float32)
    polygons[0, 0, 0] = np.nan
    assert not decoders.masks(polygons, 6, 6, backend=backend).any()
    for runs in decoders.run_lengths(polygons, 6, 6, backend=backend):
        assert runs.tolist() == [36]


def test_bad_input_is_told():
    with pytest.raises(InputError, match=r"contours expects \(n,P,2\) with P of at least 1"):
        decoders.masks(np.zeros((2, 0, 2), np.float32), 4, 4)
    with pytest.raises(InputError, match="height expects a whole number"):
        decoders.masks(np.zeros((1, 3, 2), np.float32), -1, 4)
    with pytest.raises(InputError, match=r"fewer than 2\^32 pixels"):
        decoders.run_lengths(np.zeros((1, 3, 2), np.float32), 2**16, 2**16)


def test_an_extension_from_before_a_decoder_is_told_to_be_built_again(monkeypatch):
    monkeypatch.delattr("postprocess._native.masks")
    with pytest.raises(ImportError, match=r"have no 'masks'.*older.*pip install \."):
        decoders.masks(np.zeros((1, 3, 2), np.float32), 4, 4)
