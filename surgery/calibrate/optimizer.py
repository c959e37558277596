"""Optimiser of a distillation: Muon for the convolutions, AdamW for everything else.

Muon replaces the momentum of a matrix by the nearest orthogonal one, found with a few Newton-Schulz
steps, so that every direction of a kernel moves at the same speed (Jordan et al., "Muon: An
optimizer for hidden layers in neural networks", 2024; a convolution's weight counts as the matrix
(O, C * kh * kw)). Updates are scaled to the size of AdamW's (Liu et al., "Muon is Scalable for LLM
Training", 2025, section 2.2), so that one learning rate serves both.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5
MOMENTUM = 0.95
SMALLEST = 4  # matrices with fewer rows or columns go to AdamW


def orthogonalised(matrix: Tensor) -> Tensor:
    """Return a matrix with the singular vectors of ``matrix`` and singular values near 1."""
    a, b, c = COEFFICIENTS
    tall = matrix.shape[0] > matrix.shape[1]
    x: Tensor = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-12)
    for _ in range(ITERATIONS):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if tall else x


class Muon(torch.optim.Optimizer):
    """Momentum, orthogonalised."""

    def __init__(self, parameters: Iterable[Tensor], lr: float, weight_decay: float) -> None:
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Move every parameter that has a gradient."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                momentum = state.setdefault("momentum", torch.zeros_like(parameter))
                momentum.lerp_(parameter.grad, 1 - MOMENTUM)
                update = orthogonalised(parameter.grad.lerp(momentum, MOMENTUM).flatten(1))
                scale = 0.2 * max(update.shape) ** 0.5
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                parameter.add_(update.reshape(parameter.shape), alpha=-group["lr"] * scale)


def optimizers(
    student: nn.Module, alive: Iterable[str], rate: float
) -> list[torch.optim.Optimizer]:
    """Muon for the kernels of ordinary convolutions, AdamW for the rest of ``alive``."""
    wanted = frozenset(alive)
    kernels: list[Tensor] = []
    others: list[Tensor] = []
    for path, module in student.named_modules():
        for name, parameter in module.named_parameters(recurse=False):
            if (f"{path}.{name}" if path else name) not in wanted:
                continue
            is_kernel = (
                isinstance(module, nn.Conv2d)
                and module.groups == 1
                and parameter.dim() == 4
                and min(parameter.flatten(1).shape) >= SMALLEST
            )
            (kernels if is_kernel else others).append(parameter)
    made: list[torch.optim.Optimizer] = []
    if kernels:
        made.append(Muon(kernels, rate, 0.0))
    if others:
        made.append(torch.optim.AdamW(others, rate, weight_decay=0.0))
    return made
