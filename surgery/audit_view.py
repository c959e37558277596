"""An audit on one terminal screen: the answer, what stands in the way, what the graph holds."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .audit import Audit, Refusal

OPERATORS, REFUSALS, MODULES, PARTITIONS, LONGEST = 12, 10, 2, 12, 40


def render(audit: Audit, console: Console | None = None) -> None:
    """Print ``audit`` in at most 40 lines.

    Args:
        console: where to; standard output by default, plain where that is not a terminal.
    """
    console = console or Console()
    ports = ", ".join(f"{name} {shape}" for name, shape in audit.inputs.items())
    results = ", ".join(f"{name} {shape}" for name, shape in audit.outputs.items())
    lines = [
        Text(audit.summary, style="bold green" if audit.ok else "bold red"),
        Text(f"{audit.target_summary}; from {audit.source}", style="dim"),
        Text(f"opset {audit.opset}: {ports} -> {results}"),
        *(Text(line) for line in _weight(audit)),
        *(Text(f"! {finding}", style="yellow") for finding in audit.findings),
    ]
    for line in lines:
        console.print(line)
    if audit.refused:
        console.print(_refusals(audit))
    console.print(_histogram(audit))


def _weight(audit: Audit) -> list[str]:
    sizes = ", ".join(f"{symbol}={size}" for symbol, size in audit.assumed.items())
    line = f"{audit.parameters / 1e6:,.2f} M parameters ({audit.parameter_bytes / 1e6:,.1f} MB)"
    line += f", {audit.macs / 1e9:,.2f} G multiply-adds" + (f" at {sizes}" if sizes else "")
    if audit.uncounted:
        line += f" and those of {audit.uncounted} nodes of unknown shape"
    if len(audit.partitions) < 2:
        return [line]
    shown = ", ".join(map(str, audit.partitions[:PARTITIONS]))
    more = ", ..." if len(audit.partitions) > PARTITIONS else ""
    return [line, f"nodes by partition: {shown}{more}"]


def _refusals(audit: Audit) -> Table:
    groups: dict[tuple[str, str], list[Refusal]] = {}
    for node in audit.refused:
        groups.setdefault((node.operator, node.reason), []).append(node)
    ranked = sorted(groups.items(), key=lambda item: -len(item[1]))
    table = _table("refused", "nodes", "MACs", "why", "made by")
    for (operator, reason), nodes in ranked[:REFUSALS]:
        share = sum(node.macs for node in nodes) / audit.macs if audit.macs else 0.0
        places = _shortened(node.module or node.name for node in nodes)
        table.add_row(operator, str(len(nodes)), f"{share:.1%}", Text(reason), Text(places))
    if len(ranked) > REFUSALS:
        rest = sum(len(nodes) for _, nodes in ranked[REFUSALS:])
        table.add_row("others", str(rest), "", f"{len(ranked) - REFUSALS} more reasons", "")
    return table


def _histogram(audit: Audit) -> Table:
    refused = {node.operator for node in audit.refused}
    table = _table("operator", "nodes", "")
    for operator, count in list(audit.histogram.items())[:OPERATORS]:
        state = "refused" if operator in refused else audit.notes.get(operator, "")
        table.add_row(operator, str(count), Text(state))
    if len(audit.histogram) > OPERATORS:
        rest = sum(list(audit.histogram.values())[OPERATORS:])
        table.add_row("others", str(rest), f"{len(audit.histogram) - OPERATORS} operators")
    return table


def _table(*columns: str) -> Table:
    """Columns as wide as they need, but for the last two, which share what is left of the line."""
    table = Table(box=None, pad_edge=False, expand=True)
    for place, column in enumerate(columns):
        short = place < len(columns) - 2 or column == "nodes"
        table.add_column(
            column,
            justify="right" if column in ("nodes", "MACs") else "left",
            no_wrap=True,
            min_width=len(column) if short else None,
            ratio=None if short else 1,
        )
    return table


def _shortened(places: Iterable[str]) -> str:
    """The first few of ``places``, by their ends: there they differ."""
    distinct = list(dict.fromkeys(places))
    ends = [place if len(place) <= LONGEST else f"…{place[1 - LONGEST :]}" for place in distinct]
    more = f", {len(ends) - MODULES} more" if len(ends) > MODULES else ""
    return ", ".join(ends[:MODULES]) + more
