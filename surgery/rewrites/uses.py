"""What follows a convolution: BatchNorm and ReLU, whether they are modules or function calls.

A layer that feeds a ReLU alone need not match the untouched layer where both are below zero, and a
fit that knows it gets the rest better (:mod:`.rectified`). The functions that a forward pass calls
are seen by a `TorchFunctionMode`, so nothing is assumed about how the network is written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from .nested import tensors_in

RELU = frozenset({F.relu, F.relu_, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_})
LOOKS = frozenset({"__get__", "size", "dim", "stride", "is_contiguous"})  # read no values


@dataclass(frozen=True)
class Rectifier:
    """A layer's output y goes into relu(scale * y + shift), and nowhere else.

    Attributes:
        scale: (O,) float64; never zero.
        shift: (O,) float64.
    """

    scale: Tensor
    shift: Tensor

    def __call__(self, values: Tensor) -> Tensor:
        """Apply to (m, O)."""
        return (self.scale * values + self.shift).clamp(min=0)


@dataclass(frozen=True)
class _Use:
    function: Callable[..., Any]
    arguments: Sequence[Any]
    named: Mapping[str, Any]
    result: Any


class Uses(TorchFunctionMode):
    """Notes which functions take which tensors while it is active."""

    def __init__(self) -> None:
        super().__init__()
        self._of: dict[int, list[_Use]] = defaultdict(list)

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call ``func`` and note it under every tensor among its arguments."""
        result = func(*args, **(kwargs or {}))
        if getattr(func, "__name__", "") not in LOOKS:
            use = _Use(func, args, kwargs or {}, result)  # holds the tensors, so ids stay theirs
            for tensor in tensors_in([list(args), dict(kwargs or {})]):
                self._of[id(tensor)].append(use)
        return result

    def rectifier(self, output: Tensor) -> Rectifier | None:
        """Return the BatchNorm and ReLU that alone take ``output`` (N, O, H, W), if they do."""
        use = self._only_use(output)
        scale, shift = torch.ones(2, output.shape[1], dtype=torch.float64, device=output.device)
        shift = torch.zeros_like(shift)
        if use is not None and use.function is F.batch_norm:
            affine = _affine(use)
            if affine is None:
                return None
            scale, shift = affine
            use = self._only_use(use.result)
        if use is None or use.function not in RELU or not bool(scale.all()):
            return None
        return Rectifier(scale, shift)

    def normalized_alone(self, output: Tensor) -> bool:
        """Whether a BatchNorm takes ``output`` as its input, and nothing else takes it."""
        use = self._only_use(output)
        if use is None or use.function is not F.batch_norm:
            return False
        taken = use.arguments[0] if use.arguments else use.named.get("input")
        return taken is output

    def _only_use(self, tensor: Tensor) -> _Use | None:
        uses = self._of[id(tensor)]
        # a ReLU in place returns the tensor itself, and what uses that one comes after
        if uses and uses[0].function in RELU and uses[0].result is tensor:
            return uses[0]
        return uses[0] if len(uses) == 1 else None


def _affine(use: _Use) -> tuple[Tensor, Tensor] | None:
    """Scale and shift of a call of F.batch_norm with fixed statistics."""
    names = (
        "input",
        "running_mean",
        "running_var",
        "weight",
        "bias",
        "training",
        "momentum",
        "eps",
    )
    given = dict(zip(names, use.arguments, strict=False)) | dict(use.named)
    mean, variance = given.get("running_mean"), given.get("running_var")
    if mean is None or variance is None or given.get("training"):
        return None
    scale = (variance.double() + given.get("eps", 1e-5)).rsqrt()
    if given.get("weight") is not None:
        scale = scale * given["weight"].detach().double()
    shift = -mean.double() * scale
    if given.get("bias") is not None:
        shift = shift + given["bias"].detach().double()
    return scale, shift
