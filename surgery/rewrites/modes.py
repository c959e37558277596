"""Training modes of a network's modules, given back after work on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def training_kept(model: nn.Module) -> Iterator[None]:
    """Give every module of ``model`` its training mode back on leaving."""
    modes = {module: module.training for module in model.modules()}
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put ``model`` into evaluation mode and give every module its mode back on leaving."""
    with training_kept(model):
        model.eval()
        yield
