"""Deep Snake through the main job, against what the authors' own network computed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

import postprocess
from postprocess.runtime import Runtime
from surgery.config.run import from_mapping
from surgery.tasks.export import run

HEADS = ("ct_hm", "wh", "reg", "feature")
STEPS = ("detection", "it_ex", "ex", "it_py")
CONTOURS = ("py.0", "py.1", "py.2")
HEAD_FACTOR, CONTOUR_FACTOR = 10, 3  # of the authors' own float32-against-float64 difference

Arrays = dict[str, NDArray[Any]]


@pytest.fixture(scope="module")
def expected(reference: Path) -> Arrays:
    with np.load(reference / "snake" / "outputs.npz") as arrays:
        return {name.removeprefix("head."): arrays[name] for name in arrays.files}


@pytest.fixture(scope="module")
def noise(reference: Path) -> dict[str, float]:
    return dict(json.loads((reference / "snake" / "case.json").read_text())["float32_noise"])


@pytest.fixture(scope="module")
def image(reference: Path) -> Arrays:
    with np.load(reference / "inputs" / "2009_000871_256x320.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def runtime(
    repository: Path,
    seeded: Callable[[str], Path],
    image: Arrays,
    tmp_path_factory: pytest.TempPathFactory,
) -> Runtime:
    """The bundle that the main job makes of a checkpoint like the authors'."""
    from hydra import compose, initialize_config_dir
    from omegaconf import OmegaConf

    folder = tmp_path_factory.mktemp("snake")
    cv2.imwrite(str(folder / "image.png"), image["image_bgr"])
    overrides = [
        "model=snake_coco", "model.align_corners=false", "input.size=[256,320]",
        f"checkpoint={seeded('snake')}", f"image={folder / 'image.png'}",
        "surgery.dcn=native", "surgery.exporter=torchscript", "surgery.compare=[]",
        f"out={folder / 'out'}",
    ]  # fmt: skip
    with initialize_config_dir(str(repository / "configs"), version_base="1.3"):
        node: Any = OmegaConf.to_container(compose("config", overrides=overrides), resolve=True)
    run(from_mapping(node))
    return postprocess.load(folder / "out", threads=1)


@pytest.fixture(scope="module")
def golden(runtime: Runtime) -> Arrays:
    with np.load(runtime.bundle.folder / "golden.npz") as arrays:
        return {name.removeprefix("head."): arrays[name] for name in arrays.files}


def test_heads_of_the_bundle_are_within_ten_times_the_noise(
    golden: Arrays, expected: Arrays, noise: dict[str, float]
) -> None:
    for name in HEADS:
        assert np.abs(golden[name] - expected[name]).max() <= HEAD_FACTOR * noise[name], name


def test_polygons_up_to_the_octagons_are_within_three_times_the_noise(
    golden: Arrays, expected: Arrays, noise: dict[str, float]
) -> None:
    assert np.array_equal(golden["ct"], expected["ct"][0])
    # the file gives no noise for what lies before the first evolution; it is at most that of py.0
    for name in STEPS:
        gap = np.abs(golden[name] - expected[name]).max()
        assert gap <= CONTOUR_FACTOR * noise["py.0"], name


def test_polygons_from_the_reference_s_own_heads_are_within_three_times_the_noise(
    runtime: Runtime, expected: Arrays, noise: dict[str, float]
) -> None:
    """Everything after the backbone, through the bundle's graph: measured 0.1 times the noise."""
    trace: Arrays = {}
    runtime.decode({name: expected[name] for name in HEADS}, trace)
    for name in CONTOURS:
        assert np.abs(trace[name] - expected[name]).max() <= CONTOUR_FACTOR * noise[name], name


def test_the_last_polygons_of_the_bundle_are_within_three_times_the_noise_but_for_one(
    golden: Arrays, expected: Arrays, noise: dict[str, float]
) -> None:
    """All contours but one within three times it, and the 99th percentile of all of them.

    One of the hundred contours of the seeded network amplifies the rounding of the heads: in torch
    it stays at 1.2 times the noise of py.2, in ONNX Runtime as the graph is written at 2.8, with
    the blocked convolutions of its default optimisations at 5 to 8 (12 of 25,600 numbers beyond 3).
    """
    for name in CONTOURS:
        gap = np.abs(golden[name] - expected[name])
        assert np.quantile(gap, 0.99) <= CONTOUR_FACTOR * noise[f"{name}.p99"], name
        beyond = gap.max(axis=(1, 2)) > CONTOUR_FACTOR * noise[name]
        assert np.count_nonzero(beyond) <= 1, name
        assert gap.max() <= 15 * noise[name], name


def test_no_graph_of_the_bundle_samples_selects_or_loops(runtime: Runtime) -> None:
    for graph in ("backbone", "refine"):
        nodes = onnx.load(runtime.bundle.folder / f"{graph}.onnx").graph.node
        refused = {"GridSample", "NonZero", "TopK", "ScatterND", "If", "Loop"}
        assert not refused & {node.op_type for node in nodes}, graph


def test_the_published_configuration_samples_as_torch_1_1_did(compose: Any) -> None:
    assert compose("model=snake_coco").model["align_corners"] is True
