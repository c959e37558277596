"""E2EC against what the authors' own network computed (reference/e2ec)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from models.e2ec import E2EC, STRIDE, plugin

CONFIG = {"classes": "coco"}
CONTOURS = ("py.0", "py.1", "py.2")

Arrays = dict[str, Any]


@pytest.fixture(scope="module")
def checkpoint(seeded: Callable[[str], Path]) -> Path:
    return seeded("e2ec")


@pytest.fixture(scope="module")
def image(reference: Path) -> Tensor:
    with np.load(reference / "inputs" / "2009_000871_256x320.npz") as arrays:
        return torch.from_numpy(arrays["x"])


@pytest.fixture(scope="module")
def expected(reference: Path) -> Arrays:
    with np.load(reference / "e2ec" / "outputs.npz") as arrays:
        return {name.removeprefix("head."): arrays[name] for name in arrays.files}


@pytest.fixture(scope="module")
def noise(reference: Path) -> dict[str, float]:
    """Largest difference between a float32 and a float64 run of the authors' network."""
    figures = json.loads((reference / "e2ec" / "case.json").read_text())["float32_noise"]
    return dict(figures)


@pytest.fixture(scope="module")
def network(checkpoint: Path) -> E2EC:
    network = plugin.build(CONFIG)
    assert plugin.load(network, checkpoint) == []
    return network


@torch.no_grad()
def outputs_of(network: E2EC, image: Tensor) -> Arrays:
    outputs = network(image)
    outputs |= {f"py.{index}": contour for index, contour in enumerate(outputs.pop("py"))}
    return {name: value.numpy() for name, value in outputs.items()}


@pytest.fixture(scope="module")
def outputs(network: E2EC, image: Tensor) -> Arrays:
    return outputs_of(network, image)


@pytest.fixture(scope="module")
def double_outputs(checkpoint: Path, image: Tensor) -> Arrays:
    network = plugin.build(CONFIG)
    plugin.load(network, checkpoint)
    return outputs_of(network.double(), image.double())


def instance_order(outputs: Arrays, expected: Arrays) -> Any:
    """Which of our instances is each of the reference's: the same pixel and class, exactly once.

    Scores closer than the noise may change places; nothing else may.
    """
    ours = {tuple(row): index for index, row in enumerate(outputs["detection"][:, [0, 1, 3]])}
    assert len(ours) == len(outputs["detection"])
    theirs = [tuple(row) for row in expected["detection"][:, [0, 1, 3]]]
    assert set(theirs) == set(ours)
    return np.array([ours[row] for row in theirs])


def assert_heads(outputs: Arrays, expected: Arrays, noise: dict[str, float], factor: float) -> None:
    for name in ("ct_hm", "wh", "feature"):
        assert np.abs(outputs[name] - expected[name]).max() <= factor * noise[name], name


def assert_detection(outputs: Arrays, expected: Arrays, noise: dict[str, float]) -> None:
    order = instance_order(outputs, expected)
    difference = np.abs(outputs["detection"][order, 2] - expected["detection"][:, 2])
    assert difference.max() <= 10 * noise["ct_hm"] / 4  # a sigmoid is at most 1/4 steep
    assert (np.diff(outputs["detection"][:, 2]) <= 0).all()


def assert_contours(
    outputs: Arrays,
    expected: Arrays,
    noise: dict[str, float],
    factor: float,
    beyond: float = 0.0,
) -> None:
    """`beyond`: share of coordinates that may differ by more, up to twice as much."""
    order = instance_order(outputs, expected)
    for name in CONTOURS:
        difference = np.abs(outputs[name][order] - expected[name])
        assert np.quantile(difference, 0.99) <= factor * noise[f"{name}.p99"], name
        assert (difference > factor * noise[name]).mean() <= beyond, name
        assert difference.max() <= (2 if beyond else 1) * factor * noise[name], name
    # case.json gives no figures for these two: `wh` times the strides, and what py.0 starts from.
    initial = np.abs(outputs["poly_init"][order] - expected["poly_init"]).max()
    assert initial <= 10 * noise["wh"] * 10 * STRIDE
    coarse = np.abs(outputs["poly_coarse"][order] - expected["poly_coarse"])
    assert coarse.max() <= factor * noise["py.0"]
    assert np.quantile(coarse, 0.99) <= factor * noise["py.0.p99"]


def test_parameter_names_and_shapes_are_the_published_ones(reference: Path) -> None:
    published = json.loads((reference / "e2ec" / "case.json").read_text())["state_dict"]
    ours = [[key, list(value.shape)] for key, value in plugin.build(CONFIG).state_dict().items()]
    assert sorted(ours) == sorted(published)


def test_in_double_precision_every_output_differs_by_the_references_own_rounding(
    double_outputs: Arrays, expected: Arrays, noise: dict[str, float]
) -> None:
    """No rounding of ours is left here: measured 1.00 times the noise for every output."""
    assert_heads(double_outputs, expected, noise, 1.05)
    assert_detection(double_outputs, expected, noise)
    assert_contours(double_outputs, expected, noise, 1.05)


def test_heads_agree_within_ten_times_the_noise(
    outputs: Arrays, expected: Arrays, noise: dict[str, float]
) -> None:
    assert_heads(outputs, expected, noise, 10)


def test_detections_are_the_same(
    outputs: Arrays, expected: Arrays, noise: dict[str, float]
) -> None:
    assert_detection(outputs, expected, noise)


def test_contours_agree_within_three_times_the_noise(
    outputs: Arrays, expected: Arrays, noise: dict[str, float]
) -> None:
    """Measured: 0.8 to 1.6 times the largest (2.1 on two threads), 1.1 times the 99th percentile.

    Three of the hundred contours amplify what enters the second evolution five times, so that the
    largest difference hangs on how the machine's plain convolutions round: 3.4 to 4.6 times in
    the contiguous layout, also with the kernel that made the reference (the last test here).
    """
    assert_contours(outputs, expected, noise, 3)


def test_each_step_from_the_references_own_inputs_gives_its_next_contour(
    network: E2EC, expected: Arrays
) -> None:
    """Rounding of one step alone: measured 6e-5 px at most."""
    feature = torch.from_numpy(expected["feature"])
    before = torch.from_numpy(expected["poly_coarse"]) / STRIDE
    image_index = torch.zeros(len(before), dtype=torch.int64)
    for index, name in enumerate(CONTOURS):
        after = torch.from_numpy(expected[name]) / STRIDE
        with torch.no_grad():
            evolved = network.evolve(index, feature, before, image_index)
        torch.testing.assert_close(evolved, after, rtol=0, atol=2e-4)
        before = after


def by_place(detection: Tensor, contours: Tensor) -> dict[tuple[float, ...], Tensor]:
    """Contours by (x, y, class) of their detection."""
    places = detection[:, [0, 1, 3]].tolist()
    return {tuple(place): contour for place, contour in zip(places, contours, strict=True)}


def test_a_batch_gives_each_image_what_it_gives_alone(
    network: E2EC, image: Tensor, noise: dict[str, float]
) -> None:
    batch = torch.cat((image, image.flip(3)))[:, :, :128, :128]
    with torch.no_grad():
        joined = network(batch)
        for index in range(2):
            alone = network(batch[index : index + 1])
            mine = joined["image_index"] == index
            together = by_place(joined["detection"][mine], joined["py"][-1][mine])
            single = by_place(alone["detection"], alone["py"][-1])
            # scores that rounding cannot tell apart change places, and the last one may leave
            common = together.keys() & single.keys()
            assert len(common) >= len(single) - 1
            gaps = torch.cat([(together[place] - single[place]).flatten() for place in common])
            # like the comparison with the reference: single coordinates amplify rounding
            assert gaps.abs().quantile(0.99) <= 3 * noise["py.2.p99"]


def test_built_on_mmcv_it_loads_the_same_file_and_gives_the_same(
    checkpoint: Path, image: Tensor, expected: Arrays, noise: dict[str, float]
) -> None:
    pytest.importorskip("mmcv.ops", reason="needs mmcv with compiled operators (extra 'mmcv')")
    network = plugin.build({**CONFIG, "dcn": "mmcv"})
    assert any(".conv_offset.weight" in key for key in network.state_dict())
    assert plugin.load(network, checkpoint) == []
    outputs = outputs_of(network, image)
    assert_heads(outputs, expected, noise, 10)
    assert_detection(outputs, expected, noise)
    # measured 4.6 times the largest, beyond 3 on 9 of 25,600 coordinates; 2.0 times the 99th
    assert_contours(outputs, expected, noise, 3, beyond=1e-3)
