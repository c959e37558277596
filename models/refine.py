"""The learned part after the backbone as one graph of independent branches.

The host samples features between the branches, so that no graph holds a GridSample.  Each call
feeds one branch and gives the others zero-length arrays, so each has dynamic axes of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from .graph import Graph, Port


@dataclass(frozen=True)
class RefineBranch:
    """One piece: `module` maps the tensors of `inputs`, in order, to the one tensor of `output`."""

    module: nn.Module
    inputs: tuple[Port, ...]
    output: Port


class RefineNetwork(nn.Module):
    """All branches side by side; the modules are the network's own, not copies."""

    def __init__(self, branches: Mapping[str, RefineBranch]) -> None:
        super().__init__()
        self.branches = nn.ModuleDict({name: branch.module for name, branch in branches.items()})
        self.arities = [len(branch.inputs) for branch in branches.values()]

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """All branches' inputs one after the other -> one output per branch."""
        remaining, outputs = list(inputs), []
        for module, arity in zip(self.branches.values(), self.arities, strict=True):
            outputs.append(module(*remaining[:arity]))
            del remaining[:arity]
        return tuple(outputs)


def refine_graph(branches: Mapping[str, RefineBranch]) -> Graph:
    """The graph `refine` over the given branches, in their order."""
    return Graph(
        name="refine",
        module=RefineNetwork(branches).eval(),
        inputs=tuple(port for branch in branches.values() for port in branch.inputs),
        outputs=tuple(branch.output for branch in branches.values()),
    )
