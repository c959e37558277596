"""The model: builds CircleNet, loads its weights, and says which graph leaves it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from postprocess.errors import InputError

from .network import STRIDE, CircleNet


@dataclass(frozen=True)
class Port:
    """An input or output of a graph; a string in ``shape`` is the symbol of an open axis."""

    name: str
    shape: tuple[int | str, ...]
    dtype: str = "float32"


@dataclass(frozen=True)
class Graph:
    """A part of the network that becomes one ONNX file."""

    name: str
    module: nn.Module
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]


@dataclass(frozen=True)
class CircleNetPlugin:
    """CircleNet, as ``surgery.network.contract.ModelPlugin`` asks for it."""

    name: str = "circlenet"

    def build(self, config: Mapping[str, Any]) -> nn.Module:
        """Return the network in eval mode."""
        return CircleNet(len(config["classes"]), int(config["width"])).eval()

    def load(self, module: nn.Module, path: str | Path) -> list[str]:
        """Load a state_dict saved by ``torch.save``; returns the keys that were not needed."""
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            found = module.load_state_dict(state, strict=False)
        except (OSError, RuntimeError) as error:
            cause = " ".join(str(error).split())
            raise InputError(f"{path} is no checkpoint of circlenet: {cause}") from error
        if found.missing_keys:
            raise InputError(f"{path} lacks {', '.join(found.missing_keys)}")
        return list(found.unexpected_keys)

    def graphs(self, module: nn.Module, config: Mapping[str, Any]) -> Sequence[Graph]:
        """Return the one graph: all of the network is backbone."""
        sides = ("feature_height", "feature_width")
        image = Port("image", ("batch", 3, "height", "width"))
        heatmap = Port("heatmap", ("batch", len(config["classes"]), *sides))
        radius = Port("radius", ("batch", 1, *sides))
        return [Graph("backbone", module, (image,), (heatmap, radius))]

    def decoder(self, config: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the decoder and its parameters."""
        return {
            "name": "circlenet",
            "stride": float(STRIDE),
            "k": int(config["k"]),
            "threshold": float(config["threshold"]),
        }

    def classes(self, config: Mapping[str, Any]) -> Sequence[str]:
        """Return the class names."""
        return [str(name) for name in config["classes"]]

    def keypoints(self, config: Mapping[str, Any]) -> Sequence[str]:
        """Return none: circles have no named points."""
        return []

    def skeleton(self, config: Mapping[str, Any]) -> Sequence[tuple[int, int]]:
        """Return none."""
        return []


MODEL = CircleNetPlugin()
