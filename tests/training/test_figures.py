"""Training on drawn figures: crops, heatmaps and mirrors agree; the weights are as recorded."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from models.tinypose import KEYPOINTS, SKELETON, plugin
from postprocess.decoders import keypoints
from surgery.scenes.pose import JOINTS
from surgery.scenes.pose import SKELETON as DRAWN_SKELETON
from training.figures import STRIDE, Batches, heatmaps, mirrored
from training.train_tinypose import evaluate

NOISE = 0.06  # of PCK on 120 figures of some 1,800 joints against PCK on the record's, 3 sigma


def test_heatmaps_decode_to_the_joints_that_they_were_made_of() -> None:
    rng = np.random.default_rng(0)
    joints = np.concatenate([rng.uniform(12, 80, (17, 2)), np.full((17, 1), 2)], axis=1)
    joints[3] = 0  # not labelled
    maps = heatmaps(joints.astype(np.float32))
    points, scores = keypoints(maps[None], "dark", backend="numpy")
    found = np.delete(points[0] * STRIDE, 3, axis=0)
    np.testing.assert_allclose(found, np.delete(joints[:, :2], 3, axis=0), atol=0.05)
    assert scores[0, 3] == 0


def test_a_mirrored_crop_shows_a_mirrored_figure() -> None:
    image = np.zeros((3, 128, 96), np.uint8)
    image[:, 40, 20] = 255
    joints = np.zeros((17, 3), np.float32)
    joints[5] = 20, 40, 2  # left shoulder
    turned, moved = mirrored(image, joints)
    x, y, _ = moved[6].astype(int)  # the right one now
    assert turned[0, y, x] == 255
    assert moved[5, 2] == 0


def test_a_batch_depends_on_seed_and_number_alone() -> None:
    first, again, other = Batches(3, 2)[5], Batches(3, 2)[5], Batches(3, 2)[6]
    assert torch.equal(first.images, again.images)
    assert torch.equal(first.heatmaps, again.heatmaps)
    assert not torch.equal(first.images, other.images)
    assert first.images.shape == (2, 3, 128, 96)
    assert first.heatmaps.shape == (2, 17, 32, 24)


def test_figures_have_the_joints_of_the_network() -> None:
    assert JOINTS == KEYPOINTS
    assert DRAWN_SKELETON == SKELETON


def test_the_shipped_weights_are_as_good_as_their_record_says(repository: Path) -> None:
    record = json.loads((repository / "training/logs/tinypose_figures.evaluation.json").read_text())
    weights = repository / "models/weights/tinypose_figures.safetensors"
    assert weights.stat().st_size == record["bytes"] < 6_000_000
    net = plugin.build({})
    assert plugin.load(net, weights) == []
    for name, value in evaluate(net, 120).items():
        assert value == pytest.approx(record["pck"][name], abs=NOISE), name
