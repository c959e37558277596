"""Which modules are smooth activations, and what they compute in float64."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional

Function = Callable[[Tensor], Tensor]


def smooth(module: nn.Module) -> Function | None:
    """What a smooth activation computes, None for any other module."""
    if isinstance(module, nn.SiLU):
        return functional.silu
    if isinstance(module, nn.Hardswish):
        return functional.hardswish
    if isinstance(module, nn.Mish):
        return functional.mish
    if isinstance(module, nn.GELU):
        approximate = module.approximate
        return lambda x: functional.gelu(x, approximate=approximate)
    return None
