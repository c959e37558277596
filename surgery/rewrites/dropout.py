"""Dropout that is still at work in a network, or that leaves a node behind, as nothing.

Without it: a Dropout that was put into training mode on purpose (Monte Carlo dropout) makes the
export stop ("the module is in training mode (1 modules, first ...): call .eval() before
exporting"), and calling .eval() on the whole network is not always the caller's to do. In
evaluation mode the dynamo exporter still writes an Identity for each Dropout.

Dropout scales what it keeps by 1 / (1 - p) while training, so that the mean of its output is its
input (Srivastava et al., "Dropout", 2014, section 10, in the inverted form): at inference it is the
identity. So are torchvision's StochasticDepth and timm's DropPath, which drop whole branches.
Exact for a module in evaluation mode. One in training mode gives another result each time, whose
mean over the layer is kept: approximate, and noted as that in the ledger.

Calls of torch.nn.functional.dropout are no modules: see ``function.dropout``.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from .base import Context, Match, Replacement

KINDS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout)
NAMES = frozenset(
    {"DropPath", "StochasticDepth", "DropBlock2d", "DropBlock3d"}
)  # timm, torchvision


class Nothing(nn.Identity):
    """Identity that training mode does not reach, so that an export does not stop at it."""

    def train(self, mode: bool = True) -> Nothing:
        """Stay in evaluation mode."""
        super().train(False)
        return self


@dataclass(frozen=True)
class Dropout:
    """Identity for every Dropout."""

    name: str = "dropout"
    exact: bool = True
    summary: str = "Dropout, DropPath and StochasticDepth taken out, also where they are at work"
    min_opset: int = 1

    def match(self, module: nn.Module) -> Match:
        """Accept modules that drop something while training and nothing otherwise."""
        drops = isinstance(module, KINDS) or type(module).__name__ in NAMES
        return Match.accept() if drops else Match.unrelated()

    def replacement(self, module: nn.Module, path: str, context: Context) -> Replacement:
        """Return an Identity."""
        if module.training:
            return Replacement(Nothing(), exact=False, note="it was in training mode")
        return Replacement(Nothing())


DROPOUT = Dropout()
