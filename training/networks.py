"""The demo contour networks by the name of their weights, and what their outputs mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from models.evolution import STRIDE

from . import train_e2ec, train_snake


@dataclass(frozen=True)
class Demo:
    """One network.

    Attributes:
        build: makes it, untrained.
        clock: what the seconds of its training are, "wall" or "processor".
        stages: contours (n, P, 2) by stage, network-input pixels, out of what it returns.
    """

    build: Callable[[], nn.Module]
    clock: str
    stages: Callable[[Mapping[str, Any]], dict[str, Tensor]]


def _e2ec(output: Mapping[str, Any]) -> dict[str, Tensor]:
    evolved = {f"evolve{index}": each for index, each in enumerate(output["py"])}
    return {"init": output["poly_init"], "coarse": output["poly_coarse"], **evolved}


def _snake(output: Mapping[str, Any]) -> dict[str, Tensor]:
    evolved = {f"evolve{index}": each * STRIDE for index, each in enumerate(output["py"])}
    return {"octagon": output["it_py"] * STRIDE, **evolved}


DEMOS = {
    "e2ec_scenes": Demo(train_e2ec.build, "wall", _e2ec),
    "snake_scenes": Demo(train_snake.build, "processor", _snake),
}


def checkpoint_of(name: str) -> Path:
    """Where a network's training leaves its checkpoint."""
    return Path("outputs/training") / f"{name}.pt"
