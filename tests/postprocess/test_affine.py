"""A person's crop: a similarity about the box's middle, exactly undone, mirror-safe under UDP."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postprocess.affine import Region, affine_matrix, moved, person_region
from postprocess.errors import InputError
from postprocess.preprocess import Preprocess

SIZE = (128, 96)


def similarity(region: Region, rotation: float) -> np.ndarray:
    """(2, 3): turn about the region's middle, scale by the widths' ratio, move to the middle."""
    angle, scale = np.radians(rotation), SIZE[1] / region.extent[0]
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.column_stack([turn, [SIZE[1] / 2, SIZE[0] / 2] - turn @ region.centre])


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    x=st.floats(-50, 400), y=st.floats(-50, 400), width=st.floats(2, 500), height=st.floats(2, 500),
    rotation=st.floats(-60, 60),
)  # fmt: skip
def test_the_matrix_turns_and_scales_about_the_middle(
    x: float, y: float, width: float, height: float, rotation: float
) -> None:
    region = person_region(np.array([x, y, x + width, y + height]), SIZE, 1.25)
    expected = similarity(region, rotation)
    corners = np.array([[x, y], [x + width, y + height]])
    np.testing.assert_allclose(
        moved(corners, affine_matrix(region, SIZE, rotation=rotation)),
        moved(corners, expected),
        rtol=0,
        atol=1e-2,  # points of up to 900 pixels in float32, enlarged up to 38 times
    )


def test_the_region_gets_the_aspect_by_growing_only() -> None:
    tall = person_region(np.array([10, 20, 20, 120]), SIZE, 1.25)
    np.testing.assert_allclose(tall.centre, [15, 70])
    np.testing.assert_allclose(tall.extent, [93.75, 125])
    wide = person_region(np.array([0, 0, 90, 30]), SIZE, 1.0)
    np.testing.assert_allclose(wide.extent, [90, 120])


def test_udp_maps_first_and_last_pixels_onto_each_other() -> None:
    region = Region(np.array([47.5, 63.5]), np.array([95.0, 127.0]))
    corners = np.array([[0, 0], [95, 127]])
    np.testing.assert_allclose(moved(corners, affine_matrix(region, SIZE, udp=True)), corners)


def test_under_udp_the_crop_of_a_mirrored_image_is_the_mirrored_crop() -> None:
    image = np.random.default_rng(0).integers(0, 256, (240, 200, 3), np.uint8)
    image = cv2.GaussianBlur(image, (0, 0), 4)
    box = np.array([30.0, 20, 150, 220])
    mirrored_box = np.array([199 - 150.0, 20, 199 - 30, 220])
    rule = Preprocess("rgb", 1.0, (0, 0, 0), (1, 1, 1), SIZE, "affine_udp", growth=1.25)
    straight, _ = rule(image, box)
    mirrored, _ = rule(np.ascontiguousarray(image[:, ::-1]), mirrored_box)
    # warpAffine works in 1/32 pixel: a level of brightness at most on a smooth image
    assert np.abs(mirrored[..., ::-1] - straight).max() <= 2


@pytest.mark.parametrize("resize", ["affine", "affine_udp", "crop"])
@pytest.mark.parametrize("box", [None, (40, 30, 100, 210), (-20, 100, 260, 180)])
def test_pixels_and_points_move_alike_and_back(resize: str, box: tuple[int, ...] | None) -> None:
    image = np.zeros((240, 320, 3), np.uint8)
    spot = np.array([70.0, 140.0])
    cv2.circle(image, (70, 140), 6, (255, 255, 255), -1)
    rule = Preprocess("rgb", 1.0, (0, 0, 0), (1, 1, 1), SIZE, resize, growth=1.2)
    tensor, transform = rule(image, None if box is None else np.array(box, float))
    assert tensor.shape == (1, 3, *SIZE)
    bright = tensor[0, 0].astype(float)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    seen = np.array([(x * bright).sum(), (y * bright).sum()]) / bright.sum()
    # `crop` counts continuous pixels, so half a pixel lies between its points and pixel indices
    np.testing.assert_allclose(transform.to_network(spot), seen, atol=0.8)
    back = transform.to_image(transform.to_network(spot))
    np.testing.assert_allclose(back, spot, atol=1e-4)  # float32 of a few hundred pixels


def test_a_rule_that_takes_no_box_says_so() -> None:
    rule = Preprocess("rgb", 1.0, (0, 0, 0), (1, 1, 1), SIZE, "letterbox")
    with pytest.raises(InputError, match="'letterbox' takes no box"):
        rule(np.zeros((8, 8, 3), np.uint8), np.array([0.0, 0, 4, 4]))


@pytest.mark.parametrize("size", ["128x96", "256x192"])
def test_a_whole_photo_is_cropped_as_for_the_reference_heatmaps(reference, size: str) -> None:  # type: ignore[no-untyped-def]
    height, width = map(int, size.split("x"))
    rule = Preprocess("rgb", 1.0, (0, 0, 0), (1, 1, 1), (height, width), "affine", growth=1.25)
    crops = np.load(reference / "tinypose" / f"heatmaps_{size}.npz")
    names = [name for name in crops.files if name.endswith(".crop")]
    assert names
    for name in names:
        photo = reference.parent / "photos" / f"{name.removesuffix('.crop')}.jpg"
        if not photo.is_file():
            pytest.skip(f"{photo} is missing")
        canvas, _ = rule.resized(cv2.imread(str(photo)))
        apart = np.abs(canvas.astype(int) - crops[name])
        assert apart.max() <= 1, name
        assert np.count_nonzero(apart) <= 6, name  # ties of warpAffine's rounding, in one photo
