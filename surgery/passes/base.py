"""What a pass is: the contract that ours and other packages' passes satisfy by structure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import onnx

EVERY_OPSET = range(1, 1000)


class Pass(Protocol):
    """One change to a graph; stateless, so that one object serves every model."""

    @property
    def name(self) -> str:
        """What users call it in ``surgery.passes.skip`` and the ledger."""

    @property
    def summary(self) -> str:
        """One line for ``task=list``."""

    @property
    def opsets(self) -> range:
        """Opsets of the ``ai.onnx`` domain that it works on."""

    @property
    def exact(self) -> bool:
        """Whether the graph computes the same afterwards, up to float rounding."""

    @property
    def renames(self) -> bool:
        """Whether new names alone are a change; for other passes they are taken for none."""

    def check(self, model: onnx.ModelProto) -> str | None:
        """Return None where the pass has something to do, or else the reason why not."""

    def apply(self, model: onnx.ModelProto) -> onnx.ModelProto:
        """Return the changed graph; ``model`` is the pass's own copy and may be reused."""


@runtime_checkable
class Divisible(Pass, Protocol):
    """A pass of several parts, each of which can be left out.

    Where its graph is wrong, or the process dies in it, the parts at fault are found and left out.
    """

    def parts(self) -> Sequence[str]:
        """Return the names of its parts."""

    def without(self, parts: Collection[str]) -> Pass:
        """Return the same pass without these parts."""


@dataclass(frozen=True)
class GraphPass:
    """What most passes over a whole graph say of themselves; ``check`` and ``apply`` are theirs."""

    name: str
    summary: str
    opsets: range = EVERY_OPSET
    exact: bool = True
    renames: bool = False
