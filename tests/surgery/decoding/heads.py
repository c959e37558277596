"""Heads as networks give them, seeded, and a decoding graph held against its decoder on them."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from surgery.decoding import decoding, require_same
from surgery.decoding.check import Decoded
from surgery.graph.run import run

Arrays = dict[str, Any]
BATCH, CLASSES, HEIGHT, WIDTH = 2, 3, 17, 24


def random(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def logits(seed: int = 0) -> Any:
    """A noisy class heatmap: hundreds of peaks."""
    return random(seed).normal(-1, 2, (BATCH, CLASSES, HEIGHT, WIDTH)).astype(np.float32)


def maps(channels: int, low: float, high: float, seed: int = 1) -> Any:
    shape = (BATCH, channels, HEIGHT, WIDTH)
    return random(seed).uniform(low, high, shape).astype(np.float32)


def spots(joints: int = 40, noise: float = 0.01) -> Any:
    """Gaussian spots whose centres lie anywhere, at the border too."""
    draw = random(2)
    x = draw.uniform(0, WIDTH - 1, (BATCH, joints, 1, 1))
    y = draw.uniform(0, HEIGHT - 1, (BATCH, joints, 1, 1))
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    spot = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 8)
    return (spot + draw.normal(0, noise, spot.shape)).astype(np.float32)


def ports(heads: Arrays, kind: int = TensorProto.FLOAT) -> list[onnx.ValueInfoProto]:
    """The heads as outputs of a graph with open batch and size."""
    return [
        helper.make_tensor_value_info(
            name, kind, ["N", array.shape[1], *(f"{name}.{axis}" for axis in array.shape[2:])]
        )
        for name, array in heads.items()
    ]


def decode(decoder: Arrays, heads: Arrays, opset: int = 17) -> Arrays:
    """What the decoding graph gives for the heads, after the checker has had its say."""
    model = decoding(decoder, ports(heads), opset)
    onnx.checker.check_model(model, full_check=True)
    return run(model, {value.name: heads[value.name] for value in model.graph.input})


def same(decoder: Arrays, heads: Arrays, opset: int = 17) -> Decoded:
    """The largest differences from the decoder; an error where they are beyond rounding."""
    return require_same(decoder, heads, decode(decoder, heads, opset))
