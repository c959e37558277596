"""What a training runs with: bfloat16 where it is faster, threads that no worker needs.

On CUDA that is every card that PyTorch runs on today; of the processors those with AVX512-BF16,
where a step of the demo network takes three quarters of its time. Transposed convolutions stay in
float32 on the CPU, where bfloat16 kernels for depthwise ones are several times slower, and so do
dilated ones, whose gradients in bfloat16 oneDNN gets wrong (NaN; torch 2.13, 24 channels, 32x32).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ..support.torch_compat import cpu_has_bfloat16


@contextmanager
def beside(workers: int) -> Iterator[None]:
    """Leave a core to each of ``workers`` processes until the context is left."""
    threads = torch.get_num_threads()
    torch.set_num_threads(max(1, threads - workers))
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def reduced(device: torch.device) -> bool:
    """Whether bfloat16 is the faster type there."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and cpu_has_bfloat16()


@contextmanager
def autocast(network: nn.Module, device: torch.device, *, enabled: bool) -> Iterator[None]:
    """Run ``network``'s convolutions and products in bfloat16 until the context is left."""
    chosen = []
    if enabled and device.type == "cpu":
        chosen = [module for module in network.modules() if _needs_full(module)]
    for module in chosen:
        module.forward = _in_full(module)
    try:
        with torch.autocast(device.type, torch.bfloat16, enabled=enabled):
            yield
    finally:
        for module in chosen:
            del module.__dict__["forward"]


def _needs_full(module: nn.Module) -> bool:
    if "forward" in module.__dict__:  # somebody else's
        return False
    dilated = isinstance(module, nn.Conv2d) and module.dilation != (1, 1)
    return dilated or isinstance(module, nn.ConvTranspose2d)


def _in_full(module: nn.Module) -> Any:
    own = type(module).forward

    def forward(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            result: Tensor = own(module, x.float(), *args, **kwargs)
        return result

    return forward
