"""The overlay shows each object on a copy of its image."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from postprocess.draw import LEAST_SIDE, color_of, overlay
from postprocess.errors import InputError
from postprocess.result import Instance, Result


def square(x: float, y: float, side: float) -> NDArray[np.float32]:
    return np.array([(x, y), (x + side, y), (x + side, y + side), (x, y + side)], np.float32)


def instance(contour: NDArray[np.float32], **changes: object) -> Instance:
    box = np.concatenate([contour.min(axis=0), contour.max(axis=0)])
    return Instance("thing", 0, 0.9, box, contour, **changes)  # type: ignore[arg-type]


def test_only_the_object_and_its_label_are_drawn_over() -> None:
    image = np.full((800, 1000, 3), 90, np.uint8)
    drawn = overlay(image, Result((instance(square(400, 300, 200)),), (800, 1000)))
    changed = (drawn != image).any(axis=2)
    assert drawn.shape == image.shape
    assert image.max() == 90
    assert changed[310:490, 410:590].all()
    assert not changed[520:].any()
    assert not changed[:, :380].any()
    assert not changed[:, 620:].any()
    assert not changed[:270].any()


def test_a_small_image_is_enlarged_and_the_object_with_it() -> None:
    image = np.zeros((96, 128, 3), np.uint8)
    drawn = overlay(image, Result((instance(square(64, 48, 32)),), (96, 128)))
    factor = LEAST_SIDE // 128
    assert drawn.shape == (96 * factor, 128 * factor, 3)
    inside = drawn[56 * factor : 76 * factor, 72 * factor : 92 * factor]
    assert inside.any(axis=2).all()
    assert not drawn[84 * factor :].any()


def test_contours_beyond_the_border_are_cut_off() -> None:
    image = np.full((700, 700, 3), 90, np.uint8)
    far = square(-5000, -5000, 100)
    around = square(-1e6, -1e6, 2e6)
    drawn = overlay(image, Result((instance(around), instance(far)), (700, 700)))
    assert drawn.shape == image.shape
    assert (drawn[350, 350] != 90).any()


def test_keypoints_and_their_joints_are_drawn_where_they_were_seen() -> None:
    image = np.zeros((700, 700, 3), np.uint8)
    points = np.array([(100, 100, 0.9), (300, 100, 0.9), (500, 600, 0.01)], np.float32)
    item = Instance("person", 0, 0.8, np.array([90, 90, 510, 610], np.float32), None, points)
    drawn = overlay(image, Result((item,), (700, 700), skeleton=((0, 1), (1, 2)))).any(axis=2)
    assert drawn[100, 100]
    assert drawn[100, 300]
    assert drawn[100, 200]
    assert not drawn[600, 500]
    assert not drawn[350, 400]


def test_colours_of_neighbours_differ() -> None:
    colors = np.array([color_of(i) for i in range(24)], int)
    distance = np.abs(colors[:, None] - colors[None]).sum(axis=2) + np.eye(24, dtype=int) * 999
    assert distance.min() >= 30
    assert np.diag(distance, 1).min() > 150


def test_result_without_instances_leaves_the_image_as_it_is() -> None:
    image = np.random.default_rng(0).integers(0, 256, (700, 650, 3), np.uint8)
    assert np.array_equal(overlay(image, Result((), (700, 650))), image)


def test_what_is_not_an_image_is_refused() -> None:
    with pytest.raises(InputError, match="expected a BGR image"):
        overlay(np.zeros((4, 4), np.uint8), Result((), (4, 4)))
