"""The C functions for images against OpenCV and the numpy preprocessing."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postprocess import _native
from postprocess.affine import affine_matrix, person_region
from postprocess.preprocess import Preprocess

MEAN, STD = np.asarray([0.408, 0.447, 0.470], np.float32), np.asarray([0.289, 0.274, 0.278], "f4")
SCALE = 1 / 255


def photo(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Smooth colours with noise, so that neighbours are alike as in a photo."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (height // 16 + 2, width // 16 + 2, 3)).astype(np.uint8)
    smooth = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    noise = random.integers(-20, 21, smooth.shape)
    return np.clip(smooth.astype(int) + noise, 0, 255).astype(np.uint8)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(sides=st.tuples(*[st.integers(1, 70)] * 4), seed=st.integers(0, 99), batch=st.integers(0, 2))
def test_resizing_is_opencv_s_but_for_a_level(sides, seed, batch):
    height, width, to_height, to_width = sides
    images = np.stack([photo(height, width, seed + i) for i in range(2)])[:batch]
    resized = _native.resize(images, to_height, to_width)
    assert resized.shape == (batch, to_height, to_width, 3)
    fewer = to_height * to_width < height * width
    how = cv2.INTER_AREA if fewer else cv2.INTER_LINEAR
    for image, ours in zip(images, resized, strict=True):
        theirs = cv2.resize(image, (to_width, to_height), interpolation=how)
        assert np.abs(ours.astype(int) - theirs).max() <= 1


@pytest.mark.parametrize("sides", [(1080, 1920, 288, 512), (720, 1280, 288, 512), (96, 64, 48, 32),
                                   (600, 3, 2, 2), (99, 99, 33, 33)])  # fmt: skip
def test_a_mean_differs_from_opencv_s_in_hardly_any_pixel(sides):
    height, width, to_height, to_width = sides
    image = photo(height, width)
    (ours,) = _native.resize(image[None], to_height, to_width)
    theirs = cv2.resize(image, (to_width, to_height), interpolation=cv2.INTER_AREA)
    assert (ours != theirs).mean() < 1e-3


@pytest.mark.parametrize("color", ["bgr", "rgb"])
@pytest.mark.parametrize("resize", ["letterbox", "stretch"])
@pytest.mark.parametrize("size", [(64, 96), (96, 64), (50, 40)])
def test_preprocessing_is_the_numpy_one(color, resize, size):
    rule = Preprocess(color, SCALE, tuple(MEAN), tuple(STD), size, resize)
    images = np.stack([photo(100, 80, seed) for seed in range(2)])
    tensor, matrix = _native.preprocess(
        images, *size, resize == "stretch", color == "rgb", SCALE, MEAN, STD
    )
    for image, ours in zip(images, tensor, strict=True):
        theirs, transform = rule(image)
        levels = np.abs(ours - theirs[0]) * STD[:, None, None] / SCALE
        assert levels.max() < 1.01  # a level of a byte, and the tables' rounding
        assert (levels > 0.01).mean() < 1e-3
        scale_x, _, shift_x, _, scale_y, shift_y = matrix
        assert (scale_x, scale_y) == transform.scale
        assert (shift_x, shift_y) == transform.shift


@settings(max_examples=40, deadline=None, derandomize=True)
@given(shape=st.tuples(st.integers(0, 2), st.integers(0, 5), st.integers(0, 7)), swap=st.booleans())
def test_normalisation_is_numpy_s(shape, swap):
    images = np.random.default_rng(0).integers(0, 256, (*shape, 3)).astype(np.uint8)
    channels = images[..., ::-1] if swap else images
    expected = (channels.astype(np.float32) * np.float32(SCALE) - MEAN) / STD
    found = _native.normalize(images, swap, SCALE, MEAN, STD)
    np.testing.assert_array_equal(found, expected.transpose(0, 3, 1, 2))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    corner=st.tuples(st.floats(-500, 2000), st.floats(-500, 2000)),
    sides=st.tuples(st.floats(8, 2000), st.floats(8, 2000)),
    size=st.tuples(st.integers(2, 300), st.integers(2, 300)),
    growth=st.sampled_from([1.0, 1.25, 1.6]),
    udp=st.booleans(),
)
def test_the_warp_of_a_person_and_its_inverse(corner, sides, size, growth, udp):
    box = (*corner, corner[0] + sides[0], corner[1] + sides[1])
    matrix = _native.person_affine(box, *size, growth, udp)
    expected = affine_matrix(person_region(np.asarray(box), size, growth), size, udp)
    if udp:
        np.testing.assert_allclose(np.reshape(matrix, (2, 3)), expected, rtol=1e-12, atol=1e-9)
    else:  # to the last bit: a warp has ties that it decides
        np.testing.assert_array_equal(np.reshape(matrix, (2, 3)), expected)
    points = np.random.default_rng(0).uniform(-100, 2000, (5, 2)).astype(np.float32)
    there = _native.move_points(points, matrix)
    np.testing.assert_allclose(
        there, points.astype(float) @ expected[:, :2].T + expected[:, 2], rtol=1e-6, atol=1e-6
    )
    back = _native.move_points(there, _native.invert_affine(matrix))
    # half a unit in the last place of `there`, scaled back
    tolerance = np.abs(there).max() * 2**-23 / min(abs(matrix[0]), abs(matrix[4])) + 1e-3
    np.testing.assert_allclose(back, points, rtol=0, atol=tolerance)


@pytest.mark.parametrize("size", [(128, 96), (256, 192), (64, 64)])
@pytest.mark.parametrize("photo_size", [(1065, 850), (532, 841), (300, 411), (40, 30)])
def test_the_crop_of_a_whole_photo_is_opencv_s_to_the_bit(size, photo_size):
    if int(cv2.__version__.split(".")[0]) < 5:
        pytest.skip("OpenCV before 5 rounds positions to 1/32 of a pixel")
    image = photo(*photo_size)
    box = np.asarray([0, 0, photo_size[1], photo_size[0]], float)
    matrix = affine_matrix(person_region(box, size, 1.0), size)
    theirs = cv2.warpAffine(image, matrix, size[::-1], flags=cv2.INTER_LINEAR)
    (ours,) = _native.warp(image[None], matrix.ravel().tolist(), *size)
    np.testing.assert_array_equal(ours, theirs)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    sides=st.tuples(*[st.integers(1, 60)] * 4),
    turn=st.floats(-180, 180),
    scale=st.floats(0.2, 4),
    shift=st.tuples(st.floats(-40, 60), st.floats(-40, 60)),
    batch=st.integers(0, 2),
)
def test_a_warp_is_opencv_s_but_for_a_level(sides, turn, scale, shift, batch):
    height, width, to_height, to_width = sides
    images = np.stack([photo(height, width, i) for i in range(2)])[:batch]
    angle = np.radians(turn)
    linear = scale * np.asarray([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = np.column_stack([linear, shift])
    warped = _native.warp(images, matrix.ravel().tolist(), to_height, to_width)
    assert warped.shape == (batch, to_height, to_width, 3)
    apart = [
        np.abs(cv2.warpAffine(image, matrix, (to_width, to_height)).astype(int) - ours)
        for image, ours in zip(images, warped, strict=True)
    ]
    if int(cv2.__version__.split(".")[0]) >= 5:
        assert max((each.max() for each in apart), default=0) <= 1


def test_normalisation_without_the_extension_is_the_same(monkeypatch):
    rule = Preprocess("rgb", SCALE, tuple(MEAN), tuple(STD), (40, 30), "stretch")
    image = photo(50, 60)
    with_it, _ = rule(image)
    monkeypatch.setattr("postprocess.preprocess._normalize", None)
    np.testing.assert_array_equal(rule(image)[0], with_it)


def test_what_cannot_be_done_is_refused():
    with pytest.raises(ValueError, match="out of its range"):
        _native.invert_affine([1, 2, 0, 2, 4, 0])
    with pytest.raises(ValueError, match="out of its range"):
        _native.person_affine([0, 0, np.nan, 4], 8, 8, 1.0, False)
    with pytest.raises(ValueError, match="out of its range"):
        _native.normalize(np.zeros((1, 2, 2, 3), np.uint8), False, 1.0, MEAN, np.zeros(3, "f4"))
    with pytest.raises(ValueError, match="out of its range"):
        _native.warp(np.zeros((1, 2, 2, 3), np.uint8), [0, 0, 1, 0, 0, 1], 4, 4)
    with pytest.raises(ValueError, match="size is 0"):
        _native.resize(np.zeros((1, 2, 2, 3), np.uint8), 0, 4)
