"""Optimiser of a distillation: Muon for the convolutions, AdamW for everything else.

Muon replaces the momentum of a matrix by the nearest orthogonal one, found with a few Newton-Schulz
steps, so that every direction of a kernel moves at the same speed (Jordan et al., "Muon: An
optimizer for hidden layers in neural networks", 2024; a convolution's weight counts as the matrix
(O, C * kh * kw)). Each of those steps is a polynomial in the small Gram matrix, so they are taken
there, for all kernels of one shape together, and the large matrix is multiplied once. Updates are
scaled to the size of AdamW's (Liu et al., "Muon is Scalable for LLM
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


def orthogonalised(matrices: Tensor) -> Tensor:
    """Return matrices (k, m, n) with the same singular vectors and singular values near 1."""
    a, b, c = COEFFICIENTS
    tall = matrices.shape[1] > matrices.shape[2]
    x: Tensor = matrices.mT if tall else matrices
    x = x / (x.flatten(1).norm(dim=1)[:, None, None] + 1e-12)
    gram = x @ x.mT
    identity = torch.eye(gram.shape[1], dtype=x.dtype, device=x.device)
    product = identity.expand_as(gram)
    for _ in range(ITERATIONS):
        step = a * identity + b * gram + c * gram @ gram
        product = product @ step
        gram = step @ gram @ step
    x = product @ x
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """Momentum, orthogonalised."""

    def __init__(self, parameters: Iterable[Tensor], lr: float, weight_decay: float) -> None:
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Move every parameter that has a gradient."""
        for group in self.param_groups:
            alike: dict[tuple[int, ...], list[Tensor]] = {}
            for parameter in group["params"]:
                if parameter.grad is not None:
                    alike.setdefault(tuple(parameter.flatten(1).shape), []).append(parameter)
            for shape, parameters in alike.items():
                moved = orthogonalised(torch.stack([self._momentum(p) for p in parameters]))
                scale = group["lr"] * 0.2 * max(shape) ** 0.5
                for parameter, update in zip(parameters, moved, strict=True):
                    parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    parameter.sub_(update.reshape(parameter.shape), alpha=scale)

    def _momentum(self, parameter: Tensor) -> Tensor:
        """Nesterov's look ahead from the running mean of the gradients, as a matrix."""
        assert parameter.grad is not None
        state = self.state[parameter]
        momentum: Tensor = state.setdefault("momentum", torch.zeros_like(parameter))
        momentum.lerp_(parameter.grad, 1 - MOMENTUM)
        return parameter.grad.lerp(momentum, MOMENTUM).flatten(1)


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
