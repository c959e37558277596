"""Which symbolics an export used: what the ledger says of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ...support.ledger import Entry
from .base import Nodes, Symbolic, Value
from .registry import DEFAULT, SYMBOLICS

KEY = "surgery.symbolics"  # in a graph's metadata: names of those that wrote nodes of it


class Recorded:
    """A symbolic that knows whether it has been called."""

    def __init__(self, symbolic: Symbolic) -> None:
        self.name = symbolic.name
        self.summary = symbolic.summary
        self.operators: Sequence[str] = symbolic.operators
        self.arguments: Sequence[str] = symbolic.arguments
        self.opsets = symbolic.opsets
        self.exact = symbolic.exact
        self.called = False
        self._symbolic = symbolic

    def translate(self, nodes: Nodes, *arguments: Any) -> Value:
        """Write what the symbolic writes."""
        self.called = True
        return self._symbolic.translate(nodes, *arguments)


def called(symbolics: Iterable[Recorded]) -> dict[str, str]:
    """Metadata that names those that were called; empty where none was."""
    names = [each.name for each in symbolics if each.called]
    return {KEY: ",".join(names)} if names else {}


def entries(
    names: Iterable[str],
    used: Collection[str],
    graph: str,
    opset: int,
    why: Mapping[str, str] | None = None,
) -> Iterator[Entry]:
    """The ledger's lines on an export of ``graph`` with the symbolics ``names``.

    Those that nobody asked for get one where they wrote something, the others in any case.

    Args:
        used: those that wrote nodes.
        opset: of the graph.
        why: reasons for those that were chosen for a target.
    """
    chosen = why or {}
    for name in names:
        if (name in DEFAULT or name in chosen) and name not in used:
            continue
        symbolic = SYMBOLICS.get(name)
        reason = chosen.get(name, "")
        if opset not in symbolic.opsets:
            low, high = symbolic.opsets.start, symbolic.opsets.stop - 1
            reason = f"for opset {low} to {high}, the graph is of {opset}"
        elif name not in used:
            reason = f"the network does not call {' or '.join(symbolic.operators)}"
        yield Entry("symbolic", name, graph, name in used, symbolic.exact, reason)
