"""Training targets: contours that describe what is visible, centres that a decoder would find."""

from __future__ import annotations

import numpy as np
import torch
from pycocotools import mask as rle

from surgery.measure.masks import contour_mask
from surgery.scenes import draw
from training.data import Batches
from training.losses import dynamic_matching_loss, focal_loss
from training.targets import aligned_contour, gaussian_radius, scene_targets, visible_contour


def test_sixty_four_points_describe_the_visible_masks() -> None:
    overlaps = []
    for index in range(30):
        scene = draw(7, index)
        targets = scene_targets(scene, 8, 64)
        seen = [i.mask for i in scene.instances if visible_contour(i.mask) is not None]
        for mask, contour in zip(seen, targets.contours, strict=True):
            drawn = rle.decode(contour_mask(contour, 128, 128)).astype(bool)
            overlaps.append((drawn & mask).sum() / (drawn | mask).sum())
    assert np.mean(overlaps) > 0.97


def test_contours_start_at_the_bottom_and_go_right_first() -> None:
    angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    circle = np.stack([50 + 20 * np.cos(angle), 40 + 20 * np.sin(angle)], axis=1)
    for outline in (circle, circle[::-1], np.roll(circle, 61, axis=0)):
        points = aligned_contour(outline.astype(np.float32), 64)
        quarters = points[[0, 16, 32, 48]] - [50, 40]
        # Within half the 200-gon's edge of 0.63 px.
        np.testing.assert_allclose(quarters, [[0, 20], [20, 0], [0, -20], [-20, 0]], atol=0.4)


def test_every_instance_has_a_peak_at_its_centre() -> None:
    for index in range(10):
        scene = draw(8, index)
        targets = scene_targets(scene, 8, 64)
        assert targets.keys.any(1).all()
        assert (targets.heatmap == 1).sum() <= len(targets.centres)
        for x, y in targets.centres:
            assert targets.heatmap[:, y, x].max() == 1


def test_the_gaussian_radius_keeps_the_overlap() -> None:
    for height, width in ((10, 10), (4, 17), (30, 8)):
        r = gaussian_radius(height, width)
        inner = max(height - 2 * r, 0) * max(width - 2 * r, 0) / (height * width)
        outer = height * width / ((height + 2 * r) * (width + 2 * r))
        both = (height - r) * (width - r)
        shifted = both / (2 * height * width - both)
        assert min(inner, outer, shifted) >= 0.7 - 1e-6


def test_a_batch_is_the_same_whenever_it_is_asked_for() -> None:
    first, again = Batches(0, 2, 64)[5], Batches(0, 2, 64)[5]
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert len(first.owner) == len(first.centres) == len(first.contours) == len(first.keys)


def test_losses_vanish_at_the_truth_and_grow_away_from_it() -> None:
    batch = Batches(0, 2, 64)[0]
    truth, keys = batch.contours, batch.keys
    assert dynamic_matching_loss(truth, truth, truth, keys) < 1e-6
    assert dynamic_matching_loss(truth, truth + 1, truth, keys) > 0.1
    certain = torch.where(batch.heatmap == 1, 12.0, -12.0)
    assert focal_loss(certain, batch.heatmap) < 1e-3
    assert focal_loss(-certain, batch.heatmap) > 1
