"""Targets of Deep Snake: extreme points and where a contour starts."""

from __future__ import annotations

import numpy as np
import torch

from models.layers.polygon import diamond
from training.snake_targets import DENSITY, extreme_points, from_nearest
from training.targets import even_contour


def dense(corners: list[list[float]], count: int = 256) -> torch.Tensor:
    return torch.from_numpy(even_contour(np.array(corners, np.float32), count))[None]


def test_extreme_points_of_a_diamond_are_its_corners() -> None:
    for shift in (0, 1, 2, 3):
        corners = np.roll([[8, 0], [0, 4], [8, 8], [16, 4]], shift, axis=0).tolist()
        found = extreme_points(dense(corners))
        # 2 % of the box from the border is 0.34 and 0.18 px, and the outline is as steep as 2 to 1
        torch.testing.assert_close(
            found, diamond(torch.tensor([[0.0, 0.0, 16.0, 8.0]])), atol=0.1, rtol=0
        )


def test_an_extreme_point_is_the_middle_of_a_flat_side() -> None:
    box = [[10.0, 20.0], [10.0, 44.0], [40.0, 44.0], [40.0, 20.0]]
    found = extreme_points(dense(box))
    torch.testing.assert_close(
        found, diamond(torch.tensor([[10.0, 20.0, 40.0, 44.0]])), atol=0.5, rtol=0
    )


def test_a_second_top_elsewhere_does_not_move_the_extreme_point() -> None:
    # two towers of nearly one height: the point stays on the higher one
    towers = [[0.0, 40], [40, 40], [40, 0.2], [30, 0.2], [30, 30], [10, 30], [10, 0], [0, 0]]
    top = extreme_points(dense(towers, 512))[0, 0]
    assert abs(top[0].item() - 5) < 0.5
    assert top[1] == 0


def test_a_target_starts_nearest_to_the_first_vertex_and_keeps_its_order() -> None:
    circle = np.linspace(0, 2 * np.pi, 512, endpoint=False)
    ring = torch.from_numpy(np.stack([np.cos(circle), np.sin(circle)], axis=1)[None])
    target = from_nearest(ring, torch.tensor([[0.0, -3.0]], dtype=ring.dtype))
    assert target.shape == (1, 512 // DENSITY, 2)
    torch.testing.assert_close(target[0, 0], ring.new_tensor([0.0, -1.0]), atol=1e-6, rtol=0)
    start = int(ring[0, :, 1].argmin())
    torch.testing.assert_close(target[0, 1], ring[0, (start + DENSITY) % 512])


def test_even_contours_run_as_the_octagons_do() -> None:
    for corners in ([[8, 0], [0, 4], [8, 8], [16, 4]], [[8, 0], [16, 4], [8, 8], [0, 4]]):
        contour = even_contour(np.array(corners, np.float32), 64)
        area = np.sum(contour[:, 0] * np.roll(contour[:, 1], -1)) - np.sum(
            contour[:, 1] * np.roll(contour[:, 0], -1)
        )
        assert area < 0  # top, left, bottom, right, with y downwards
        steps = np.linalg.norm(np.diff(contour, axis=0), axis=1)
        np.testing.assert_allclose(steps, steps.mean(), rtol=0.1)  # shorter across a corner
