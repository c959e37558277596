"""How far apart two results of one network may be that are to be the same."""

from __future__ import annotations

import torch
from torch import Tensor

from postprocess.errors import InputError

# relative to the largest value; float32 layers of the known libraries differ by up to 3e-6
TOLERANCES = {torch.float64: 1e-9, torch.float32: 1e-4, torch.float16: 2e-2, torch.bfloat16: 1e-1}
SAME = TOLERANCES[torch.float32]


def relative(given: Tensor, wanted: Tensor) -> float:
    """Largest difference relative to the largest value of ``wanted``."""
    scale = float(wanted.double().abs().max()) or 1.0
    return float((given.double() - wanted.double()).abs().max()) / scale


def tolerance_of(tensor: Tensor) -> float:
    """What rounding in the type of ``tensor`` may make of the largest value."""
    return TOLERANCES.get(tensor.dtype, SAME)


def require_close(given: Tensor, wanted: Tensor, what: str) -> None:
    """Refuse two results that are to be the same and are not.

    Raises:
        InputError: shapes differ, or values by more than the noise of their type.
    """
    if given.shape != wanted.shape:
        raise InputError(f"{what}: gives {tuple(given.shape)}, not {tuple(wanted.shape)}")
    apart = relative(given, wanted)
    if not apart <= tolerance_of(given):
        raise InputError(
            f"{what}: {apart:.2g} of the largest value away from the untouched network's result"
        )
