"""Rewrites that have to see a network run before they can be applied, and how they are shown it.

What each finds, by module path, is the ``calibration`` that :func:`~surgery.rewrites.rewriting`
takes::

    names = ["activation.relu6"]
    with rewriting(model, names, calibration=measured(model, names, images)) as (operated, ledger):
        ...
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from .modes import evaluating
from .registry import REWRITES


@runtime_checkable
class Measuring(Protocol):
    """A rewrite that looks at a network on images first."""

    def measure(self, model: nn.Module, images: Sequence[Tensor]) -> Mapping[str, object]:
        """Return what it needs to know of each module, by path; leaves ``model`` as it is.

        Args:
            model: takes a batch as its only argument.
            images: batches (N, C, H, W).
        """


def measuring(names: Iterable[str]) -> list[str]:
    """Those of these rewrites that have to see the network run.

    Raises:
        InputError: there is no rewrite of a name.
    """
    return [name for name in names if isinstance(REWRITES.get(name), Measuring)]


def measured(model: nn.Module, names: Iterable[str], images: Sequence[Tensor]) -> dict[str, object]:
    """Show ``model`` to the rewrites that have to see it run, and return what they found.

    Args:
        model: takes a batch as its only argument; is left as it is.
        names: of rewrites; those that need to see nothing are passed over.
        images: batches (N, C, H, W), on the model's device.

    Raises:
        InputError: there is no rewrite of a name.
    """
    found: dict[str, object] = {}
    for name in names:
        rewrite = REWRITES.get(name)
        if isinstance(rewrite, Measuring):
            found.update(rewrite.measure(model, images))
    return found


def run_through(model: nn.Module, images: Iterable[Tensor]) -> None:
    """Run ``model`` once a batch, in evaluation mode and without gradients; modes are restored.

    Hooks of the caller see what there is to see.
    """
    with evaluating(model), torch.no_grad():
        for batch in images:
            model(batch)
