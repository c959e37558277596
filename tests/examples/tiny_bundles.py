"""Bundles in miniature for every decoder: a pooling, then random 1x1 convolutions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..bundles import onnx_model, write_bundle

FEATURES, JOINTS, POINTS, INIT_POINTS = 4, 5, 24, 40
SIZE = (64, 96)
STRIDE = 4
ROWS, COLUMNS = SIZE[0] // STRIDE, SIZE[1] // STRIDE
SIDES = {"left_eye": "right_eye", "left_hand": "right_hand"}
KEYPOINTS = ("nose", *SIDES, *SIDES.values())

Channels = Mapping[str, tuple[int, float, float]]
"""Heads by name: channels, spread of the values, bias."""

CTDET: Channels = {"hm": (3, 9.0, -5.0), "size": (4, 2.0, 4.0), "offset": (2, 0.4, 0.5)}
MULTI_POSE: Channels = {
    "hm": (1, 9.0, -5.0),
    "wh": (2, 2.0, 9.0),
    "hps": (2 * JOINTS, 2.0, 0.0),
    "reg": (2, 0.4, 0.5),
    "hm_hp": (JOINTS, 9.0, -4.0),
    "hp_offset": (2, 0.4, 0.5),
}
MOVENET: Channels = {
    "center": (1, 6.0, -2.0),
    "heatmap": (JOINTS, 6.0, -2.0),
    "regression": (2 * JOINTS, 3.0, 0.0),
    "offset": (2 * JOINTS, 0.4, 0.5),
}
SNAKE_RCNN: Channels = {"act_hm": (4, 9.0, -5.0), "awh": (2, 2.0, 9.0), "feature": (FEATURES, 2, 0)}


def convolutions(channels: Channels, last: bool = False) -> Any:
    """Image (1,3,h,w) -> every head at a quarter of its size; channels last where `last`."""
    from onnx import helper

    random = np.random.default_rng(5)
    nodes = [_pool()]
    weights, outputs = {}, {}
    for name, (count, spread, bias) in channels.items():
        weights[f"{name}.weight"] = random.standard_normal((count, 3, 1, 1)) * spread
        weights[f"{name}.bias"] = (
            np.full(count, bias) - weights[f"{name}.weight"].sum((1, 2, 3)) / 2
        )
        first = f"{name}.first" if last else name
        inputs = ["small", f"{name}.weight", f"{name}.bias"]
        nodes.append(helper.make_node("Conv", inputs, [first], kernel_shape=[1, 1]))
        if last:
            nodes.append(helper.make_node("Transpose", [first], [name], perm=[0, 2, 3, 1]))
        outputs[name] = [1, ROWS, COLUMNS, count] if last else [1, count, ROWS, COLUMNS]
    return onnx_model(nodes, {"image": [1, 3, *SIZE]}, outputs, weights)


def distributions() -> Any:
    """Image (1,3,h,w) -> simcc_x (1,K,2w) and simcc_y (1,K,2h)."""
    from onnx import helper

    random = np.random.default_rng(6)
    nodes = [_pool(), helper.make_node("Reshape", ["small", "flat_shape"], ["flat"])]
    weights: dict[str, Any] = {"flat_shape": np.array([1, 3, ROWS * COLUMNS])}
    weights["joints"] = random.standard_normal((1, JOINTS, 3))
    nodes.append(helper.make_node("MatMul", ["joints", "flat"], ["tokens"]))
    outputs = {}
    for axis, bins in (("x", 2 * SIZE[1]), ("y", 2 * SIZE[0])):
        weights[f"to_{axis}"] = random.standard_normal((ROWS * COLUMNS, bins)) * 0.1
        nodes.append(helper.make_node("MatMul", ["tokens", f"to_{axis}"], [f"simcc_{axis}"]))
        outputs[f"simcc_{axis}"] = [1, JOINTS, bins]
    return onnx_model(nodes, {"image": [1, 3, *SIZE]}, outputs, weights)


def snake_refine() -> Any:
    """The branches init, evolve0 and component of a snake_rcnn refine graph."""
    from onnx import helper

    random = np.random.default_rng(7)
    weights: dict[str, Any] = {
        "from": np.array([1]),
        "to": np.array([1 << 30]),
        "axis": np.array([1]),
    }
    weights["init.weight"] = random.standard_normal((FEATURES + 2, 2)) * 0.1
    weights["evolve.weight"] = random.standard_normal((FEATURES + 2, 2)) * 0.1
    weights["component.weight"] = random.standard_normal((3, FEATURES, 1, 1))
    weights["component.bias"] = np.array([-0.5, 4.0, 4.0])
    nodes = [
        helper.make_node("Slice", ["init_samples", "from", "to", "axis"], ["init_around"]),
        helper.make_node("Concat", ["init_around", "init_contour"], ["init_in"], axis=2),
        helper.make_node("MatMul", ["init_in", "init.weight"], ["init_offset"]),
        helper.make_node("Concat", ["evolve0_samples", "evolve0_contour"], ["evolve0_in"], axis=2),
        helper.make_node("MatMul", ["evolve0_in", "evolve.weight"], ["evolve0_offset"]),
        helper.make_node(
            "Conv",
            ["component_features", "component.weight", "component.bias"],
            ["component_maps"],
        ),
    ]
    inputs = {
        "init_samples": ["init", INIT_POINTS + 1, FEATURES],
        "init_contour": ["init", INIT_POINTS, 2],
        "evolve0_samples": ["contours", POINTS, FEATURES],
        "evolve0_contour": ["contours", POINTS, 2],
        "component_features": ["instances", FEATURES, 7, 28],
    }
    outputs = {
        "init_offset": ["init", INIT_POINTS, 2],
        "evolve0_offset": ["contours", POINTS, 2],
        "component_maps": ["instances", 3, 7, 28],
    }
    return onnx_model(nodes, inputs, outputs, weights)


def write(
    folder: Path,
    graphs: Mapping[str, Any],
    decoder: Mapping[str, Any],
    classes: Sequence[str] = ("person",),
    resize: str = "letterbox",
) -> Path:
    """Write a bundle of these graphs, "backbone" and perhaps "refine"."""
    people = decoder["name"] in ("keypoints", "movenet", "multi_pose", "simcc")
    joints = {"keypoints": list(KEYPOINTS), "skeleton": [[0, 1], [0, 2]]} if people else {}
    rule = {"size": list(SIZE), "resize": resize, "growth": 1.25}
    write_bundle(folder, graphs, decoder, rule, classes, **joints)
    return folder


def _pool() -> Any:
    from onnx import helper

    return helper.make_node(
        "AveragePool", ["image"], ["small"], kernel_shape=[STRIDE] * 2, strides=[STRIDE] * 2
    )
