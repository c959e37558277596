"""A whole bundle in miniature, its graphs written by hand: bright blobs become octagons.

The backbone averages 4x4 blocks and its centre heatmap peaks in the middle of a blob (one class
for blue, one for red); the refine graph has the operators and the independent branches of the real
one. Nothing here is trained, and everything runs in a millisecond.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from ..bundles import onnx_model, write_bundle

POINTS, FEATURES, CLASSES = 8, 4, ("blue", "red")


def backbone() -> Any:
    """ONNX model: image (batch,3,height,width) -> ct_hm, wh, feature at a quarter of its size."""
    from onnx import helper

    angles = np.arange(POINTS) * 2 * np.pi / POINTS
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32).ravel() * 0.2
    classify = np.array([[1, 0, 0], [0, 0, 1]], np.float32).reshape(2, 3, 1, 1) * 10
    blur = np.zeros((2, 2, 7, 7), np.float32)
    blur[0, 0] = blur[1, 1] = np.outer(np.hanning(9)[1:-1], np.hanning(9)[1:-1]) / 16
    weights = {
        "classify": classify,
        "blur": blur,
        "blur_bias": np.full(2, -6, np.float32),
        "wh_weight": np.zeros((2 * POINTS, 3, 1, 1), np.float32),
        "wh_bias": circle,
        "feature_weight": np.linspace(-1, 1, FEATURES * 3, dtype=np.float32).reshape(-1, 3, 1, 1),
    }
    nodes = [
        helper.make_node("AveragePool", ["image"], ["small"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("Conv", ["small", "classify"], ["colors"]),
        helper.make_node("Conv", ["colors", "blur", "blur_bias"], ["ct_hm"], pads=[3, 3, 3, 3]),
        helper.make_node("Conv", ["small", "wh_weight", "wh_bias"], ["wh"]),
        helper.make_node("Conv", ["small", "feature_weight"], ["feature"]),
    ]
    outputs = {"ct_hm": len(CLASSES), "wh": 2 * POINTS, "feature": FEATURES}
    return onnx_model(
        nodes,
        {"image": ["batch", 3, "height", "width"]},
        {name: ["batch", channels, "h", "w"] for name, channels in outputs.items()},
        weights,
    )


def refine(evolutions: int = 3) -> Any:
    """ONNX model with the independent branches of a contour model's refine graph."""
    from onnx import helper

    rng = np.random.default_rng(0)
    weights = {
        "kernel": rng.standard_normal((FEATURES, FEATURES, 1, 1)),
        "coarse_weight": rng.standard_normal(((POINTS + 1) * FEATURES, POINTS * 2)) * 0.01,
        "evolve_weight": rng.standard_normal((FEATURES + 2, 2)) * 0.02,
        "global_weight": rng.standard_normal((FEATURES + 2, 2)) * 0.02,
        "contour_shape": np.array([0, POINTS, 2]),
        "last_axis": np.array([2]),
    }
    nodes = [
        helper.make_node("Conv", ["feature", "kernel"], ["convolved"]),
        helper.make_node("Relu", ["convolved"], ["coarse_feature"]),
        helper.make_node("Transpose", ["coarse_samples"], ["by_channel"], perm=[0, 2, 1]),
        helper.make_node("Flatten", ["by_channel"], ["flat"], axis=1),
        helper.make_node("MatMul", ["flat", "coarse_weight"], ["moved"]),
        helper.make_node("Reshape", ["moved", "contour_shape"], ["coarse_offset"]),
    ]
    inputs: dict[str, list[Any]] = {
        "feature": ["batch", FEATURES, "height", "width"],
        "coarse_samples": ["coarse_contours", POINTS + 1, FEATURES],
    }
    outputs: dict[str, list[Any]] = {
        "coarse_feature": ["batch", FEATURES, "height", "width"],
        "coarse_offset": ["coarse_contours", POINTS, 2],
    }
    for i in range(evolutions):
        step = f"evolve{i}"
        nodes += [
            helper.make_node(
                "Concat", [f"{step}_samples", f"{step}_contour"], [f"{step}_in"], axis=2
            ),
            helper.make_node("Transpose", [f"{step}_in"], [f"{step}_channels"], perm=[0, 2, 1]),
            helper.make_node(
                "ReduceMax", [f"{step}_channels", "last_axis"], [f"{step}_max"], keepdims=1
            ),
            helper.make_node("Transpose", [f"{step}_max"], [f"{step}_top"], perm=[0, 2, 1]),
            helper.make_node("MatMul", [f"{step}_in", "evolve_weight"], [f"{step}_local"]),
            helper.make_node("MatMul", [f"{step}_top", "global_weight"], [f"{step}_global"]),
            helper.make_node("Add", [f"{step}_local", f"{step}_global"], [f"{step}_offset"]),
        ]
        inputs[f"{step}_samples"] = [f"{step}_contours", POINTS, FEATURES]
        inputs[f"{step}_contour"] = [f"{step}_contours", POINTS, 2]
        outputs[f"{step}_offset"] = [f"{step}_contours", POINTS, 2]
    return onnx_model(nodes, inputs, outputs, weights)


def write_tiny_bundle(folder: Path) -> None:
    """Write backbone.onnx, refine.onnx and bundle.json."""
    rewrite = {
        "kind": "rewrite",
        "name": "dcn.plain",
        "where": "dla.up",
        "fired": True,
        "exact": False,
        "reason": "",
        "effect": None,
    }
    write_bundle(
        folder,
        {"backbone": backbone(), "refine": refine()},
        {"name": "e2ec", "points": POINTS, "k": 20, "threshold": 0.3},
        {
            "size": None,
            "resize": "keep",
            "multiple": 32,
            "rescale": 1.0,
            "always_pad": False,
            "growth": 1.0,
            "layout": "nchw",
            "dtype": "float32",
        },
        CLASSES,
        ledger=[rewrite],
        versions={"onnx": "1.18"},
    )


@pytest.fixture(scope="session")
def _tiny_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("onnx", reason="the miniature bundle's graphs are written with onnx")
    folder = tmp_path_factory.mktemp("tiny") / "bundle"
    write_tiny_bundle(folder)
    return folder


@pytest.fixture
def tiny_bundle(_tiny_template: Path, tmp_path: Path) -> Path:
    """A valid bundle of its own for each test."""
    return Path(shutil.copytree(_tiny_template, tmp_path / "bundle"))


@pytest.fixture
def blobs() -> NDArray[np.uint8]:
    """(100, 150, 3) BGR: a blue disc at x 40, y 30 and a red one at x 110, y 70, on black."""
    image = np.zeros((100, 150, 3), np.uint8)
    cv2.circle(image, (40, 30), 14, (255, 0, 0), -1)
    cv2.circle(image, (110, 70), 14, (0, 0, 255), -1)
    return image


@pytest.fixture
def edited(tiny_bundle: Path) -> Callable[[Callable[[dict[str, Any]], object]], Path]:
    """Call with a function that changes the parsed bundle.json; returns the changed bundle."""

    def edit(change: Callable[[dict[str, Any]], object]) -> Path:
        path = tiny_bundle / "bundle.json"
        document = json.loads(path.read_text())
        change(document)
        path.write_text(json.dumps(document))
        return tiny_bundle

    return edit
