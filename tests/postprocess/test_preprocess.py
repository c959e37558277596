"""The network's input is what the model's authors feed, and points find their way back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from postprocess.errors import InputError
from postprocess.preprocess import Preprocess

DLA_MEAN, DLA_STD = (0.40789654, 0.44719302, 0.47026115), (0.28863828, 0.27408164, 0.27809835)


def make(**changes: Any) -> Preprocess:
    given: dict[str, Any] = {
        "color": "bgr",
        "scale": 1 / 255,
        "mean": DLA_MEAN,
        "std": DLA_STD,
        "size": None,
        "resize": "keep",
    }
    return Preprocess(**{**given, **changes})


RULES = {
    "keep": make(),
    "keep, always padded": make(always_pad=True),
    "keep, rescaled": make(rescale=0.5),
    "letterbox": make(resize="letterbox", size=(192, 192)),
    "letterbox, not square": make(resize="letterbox", size=(256, 192)),
    "stretch": make(resize="stretch", size=(96, 160)),
    "warp": make(resize="warp"),
    "warp to a size": make(resize="warp", size=(512, 512)),
}


def test_tensor_is_the_one_that_e2ecs_authors_feed(reference: Path) -> None:
    case = np.load(reference / "inputs" / "2009_000871_256x320.npz")
    tensor, _ = make()(case["image_bgr"])
    # multiplying by float32(1/255) instead of dividing by 255 moves a value by one unit in the
    # last place, 6e-8 of 1, which 1/std makes 2.2e-7
    np.testing.assert_allclose(tensor, case["x"], rtol=0, atol=5e-7)


@pytest.mark.parametrize("name", ["demo_2", "demo_3", "demo_4", "demo_5"])
def test_letterbox_is_the_one_that_made_movenets_inputs(reference: Path, name: str) -> None:
    photo = reference.parent / "photos" / f"{name}.jpg"
    if not photo.is_file():
        pytest.skip(f"{photo} is missing")
    letterbox = make(
        color="rgb", scale=1.0, mean=(0, 0, 0), std=(1, 1, 1), size=(192, 192), resize="letterbox"
    )
    tensor, _ = letterbox(cv2.imread(str(photo)))
    expected = np.load(reference / "movenet" / "keypoints.npz")[f"{name}.input_rgb"]
    assert np.array_equal(tensor[0].transpose(1, 2, 0), expected)


@pytest.mark.parametrize(
    ("shape", "changes", "canvas"),
    [
        ((333, 500), {"always_pad": True}, (352, 512)),
        ((512, 512), {"always_pad": True}, (544, 544)),
        ((375, 1242), {"rescale": 0.5}, (768, 2496)),
        ((333, 501), {"size": (512, 512)}, (512, 512)),
    ],
)
def test_warp_is_the_affine_map_of_e2ecs_test_code(
    shape: tuple[int, int], changes: dict[str, Any], canvas: tuple[int, int]
) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    resized, transform = make(resize="warp", **changes).resized(image)
    height, width = shape
    # three points that the authors map: the middle pixel, one straight above it by half the
    # "scale" (the width, or the longer side where a size is given), one at a right angle to it
    half = (max(shape) if "size" in changes else width) / 2
    middle = np.array([width // 2, height // 2], np.float32)
    source = np.array([middle, middle - (0, half), middle - (half, half)], np.float32)
    rows, columns = canvas
    target = np.array(
        [
            (columns / 2, rows / 2),
            (columns / 2, rows / 2 - columns / 2),
            (0, rows / 2 - columns / 2),
        ],
        np.float32,
    )
    matrix = cv2.getAffineTransform(source, target)
    expected = cv2.warpAffine(image, matrix, (columns, rows), flags=cv2.INTER_LINEAR)
    assert resized.shape == expected.shape
    # getAffineTransform solves from float32 points: a sub-pixel weight may fall on the next step
    assert np.abs(resized.astype(int) - expected).mean() < 0.2
    np.testing.assert_allclose(transform.to_network(source), target, atol=1e-3)


@pytest.mark.parametrize(
    ("changes", "shape", "canvas"),
    [
        ({}, (333, 500), (352, 512)),
        ({}, (512, 512), (512, 512)),
        ({"always_pad": True}, (512, 500), (544, 512)),
        ({"rescale": 0.5}, (100, 150), (224, 320)),
        ({"multiple": 8}, (17, 16), (24, 16)),
    ],
)
def test_keep_rounds_the_canvas_up_to_the_multiple(
    changes: dict[str, Any], shape: tuple[int, int], canvas: tuple[int, int]
) -> None:
    tensor, transform = make(**changes)(np.zeros((*shape, 3), np.uint8))
    assert tensor.shape == (1, 3, *canvas)
    assert transform.network_size == canvas
    assert transform.image_size == shape


def test_keep_leaves_the_pixels_as_they_are_and_pads_with_black() -> None:
    image = np.random.default_rng(0).integers(1, 256, (50, 61, 3), np.uint8)
    resized, transform = make().resized(image)
    left, top = (int(shift) for shift in transform.shift)
    assert (left, top) == (1, 7)
    assert np.array_equal(resized[top : top + 50, left : left + 61], image)
    assert np.count_nonzero(resized) == image.size


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("shape", [(333, 500), (97, 31), (1, 7), (640, 640)])
def test_points_come_back_to_where_they_were(rule: str, shape: tuple[int, int]) -> None:
    points = np.random.default_rng(1).uniform(-50, 700, (40, 128, 2)).astype(np.float32)
    _, transform = RULES[rule].resized(np.zeros((*shape, 3), np.uint8))
    back = transform.to_image(transform.to_network(points))
    # points are float32: half a unit in the last place of 1024 in the network, over the scale
    assert np.abs(back - points).max() < 1e-4 / min(1, *transform.scale)


@pytest.mark.parametrize("rule", RULES)
def test_points_go_where_the_pixels_go(rule: str) -> None:
    image = np.zeros((240, 320, 3), np.uint8)
    image[100:140, 60:120] = 255
    resized, transform = RULES[rule].resized(image)
    weight = resized[:, :, 0].astype(np.float64)
    ys, xs = np.mgrid[: weight.shape[0], : weight.shape[1]] + 0.5
    centre = np.array([(xs * weight).sum(), (ys * weight).sum()]) / weight.sum()
    moved = transform.to_network(np.array([90.0, 120.0]))
    # half a network pixel more for warp, whose authors count from pixel centres
    assert np.abs(moved - centre).max() < (0.1 if "warp" not in rule else 0.6)


def test_color_is_swapped_before_mean_and_std() -> None:
    image = np.zeros((32, 32, 3), np.uint8)
    image[:] = (10, 20, 30)
    given = {"scale": 1.0, "mean": (1.0, 2.0, 3.0), "std": (1.0, 2.0, 4.0)}
    bgr, _ = make(color="bgr", **given)(image)
    rgb, _ = make(color="rgb", **given)(image)
    assert bgr[0, :, 0, 0].tolist() == [9.0, 9.0, 6.75]
    assert rgb[0, :, 0, 0].tolist() == [29.0, 9.0, 1.75]


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (None, "got NoneType; does the file exist"),
        ([[0]], "got list"),
        (np.zeros((8, 8), np.uint8), "cv2.COLOR_GRAY2BGR"),
        (np.zeros((8, 8, 1), np.uint8), "cv2.COLOR_GRAY2BGR"),
        (np.zeros((8, 8, 4), np.uint8), "cv2.COLOR_BGRA2BGR"),
        (np.zeros((0, 8, 3), np.uint8), "it is empty"),
        (np.zeros((1, 8, 8, 3), np.uint8), "one image a call"),
        (np.zeros((3, 8, 8), np.uint8), "got (3, 8, 8) uint8"),
        (np.zeros((8, 8, 3), np.float32), "got (8, 8, 3) float32: give pixel values 0 to 255"),
    ],
)
def test_what_is_not_an_image_is_named_in_one_line(image: NDArray[Any], words: str) -> None:
    with pytest.raises(InputError, match=r"expected a BGR image, \(H, W, 3\) uint8") as caught:
        make()(image)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"resize": "letterbox"},
        {"resize": "stretch"},
        {"size": (512, 512)},
        {"resize": "crop"},
        {"color": "hsv"},
        {"std": (1.0, 0.0, 1.0)},
        {"mean": (0.0,)},
        {"rescale": 0.0},
        {"layout": "nhwc"},
    ],
)
def test_rules_that_cannot_be_carried_out_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="preprocess"):
        make(**changes)


def test_one_channel_is_opencvs_grey_with_the_first_mean_and_std() -> None:
    image = np.random.default_rng(0).integers(0, 256, (8, 6, 3), dtype=np.uint8)
    given = Preprocess("gray", 0.5, (10.0, 0, 0), (2.0, 1, 1), (8, 6), "stretch")
    tensor, _ = given(image)
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32)
    assert tensor.shape == (1, 1, 8, 6)
    np.testing.assert_allclose(tensor[0, 0], (grey * 0.5 - 10) / 2, rtol=1e-6)


def test_a_fourth_channel_is_opaque_alpha() -> None:
    image = np.random.default_rng(0).integers(0, 256, (8, 6, 3), dtype=np.uint8)
    given = Preprocess("rgba", 1 / 255, (0.0,) * 3, (1.0,) * 3, (8, 6), "stretch")
    tensor, _ = given(image)
    assert tensor.shape == (1, 4, 8, 6)
    np.testing.assert_allclose(tensor[0, :3], image[:, :, ::-1].transpose(2, 0, 1) / 255, rtol=1e-6)
    np.testing.assert_allclose(tensor[0, 3], 1.0, rtol=1e-6)
