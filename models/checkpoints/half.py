"""Weights as float16 safetensors, half the size, for networks that ship with the package."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from .state import COUNTER


def save_half(
    module: nn.Module, path: str | Path, metadata: Mapping[str, str] | None = None
) -> None:
    """Write the state dict as float16 safetensors; BatchNorm's step counters are left out.

    metadata: strings kept in the file's header.  `load_state` reads the file back as float32.

    Raises ValueError where a value does not fit float16 (beyond 65504, or not finite).
    """
    tensors = {}
    for key, value in module.state_dict().items():
        if key.endswith(COUNTER):
            continue
        half = value.detach().cpu().to(torch.float16).contiguous()
        if not half.isfinite().all():
            raise ValueError(f"{key} holds values that float16 cannot: {value.abs().max():g}")
        tensors[key] = half
    save_file(tensors, str(path), metadata=dict(metadata or {}))
