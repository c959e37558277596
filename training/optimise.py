"""What every training of a demo network does with its weights: groups, running mean, checkpoint."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

WEIGHT_DECAY = 1e-2


def parameter_groups(
    net: nn.Module, rate: float, factor: Callable[[str], float]
) -> list[dict[str, Any]]:
    """AdamW's groups: `factor(name)` times the rate; one-dimensional parameters do not decay."""
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in net.named_parameters():
        decay = 0.0 if parameter.ndim == 1 else WEIGHT_DECAY
        groups.setdefault((factor(name), decay), []).append(parameter)
    return [
        {"params": parameters, "lr": rate * share, "weight_decay": decay}
        for (share, decay), parameters in groups.items()
    ]


def one_cycle(share: float, warm: float = 0.05, last: float = 1e-3) -> float:
    """Factor on the peak rate after that share of the run: linear up, then a cosine down."""
    if share < warm:
        return max(share / warm, 0.02)
    left = min((share - warm) / (1 - warm), 1.0)
    return last + (1 - last) * (1 + math.cos(math.pi * left)) / 2


@torch.no_grad()
def average(mean: nn.Module, net: nn.Module, step: int, keep: float = 0.998) -> None:
    """Move the running mean of weights and BatchNorm statistics towards the network's."""
    share = 1 - min(keep, (1 + step) / (10 + step))
    old, new = list(mean.state_dict().values()), list(net.state_dict().values())
    floating = [i for i, value in enumerate(old) if value.is_floating_point()]
    torch._foreach_lerp_([old[i] for i in floating], [new[i] for i in floating], share)


def resume(
    path: Path, net: nn.Module, mean: nn.Module, optimizer: torch.optim.Optimizer
) -> tuple[int, float]:
    """Load a checkpoint into the three; steps and seconds that were spent when it was saved."""
    state = torch.load(path, weights_only=True)
    net.load_state_dict(state["net"])
    mean.load_state_dict(state["mean"])
    optimizer.load_state_dict(state["optimizer"])
    return state["step"], state["elapsed"]


def save(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint beside its place, then move it there: a kill leaves the older one."""
    temporary = path.with_suffix(".tmp")
    torch.save(state, temporary)
    os.replace(temporary, path)
