"""An audit on one terminal screen: the answer, what stands in the way, what to do about it.

One target gets a screen of its own; several share a table, a line each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .audit import Action, Audit, Refusal

OPERATORS, REFUSALS, MODULES, PARTITIONS, LONGEST, ACTIONS = 8, 9, 2, 12, 40, 3


def render(audit: Audit, console: Console | None = None) -> None:
    """Print ``audit`` without its actions, with those in at most 40 lines.

    Args:
        console: where to; standard output by default, plain where that is not a terminal.
    """
    console = console or Console()
    lines = [
        Text(audit.summary, style="bold green" if audit.ok else "bold red"),
        Text(audit.target_summary, style="dim"),
        Text(f"table from {audit.source}", style="dim", no_wrap=True, overflow="ellipsis"),
        *(Text(line, style="dim") for line in filter(None, [audit.target_note])),
        Text(_ports(audit)),
        *(Text(line) for line in _weight(audit)),
        *(Text(f"! {finding}", style="yellow") for finding in (*audit.findings, *audit.hints)),
        *(Text(line) for line in _once_freed(audit)),
    ]
    for line in lines:  # Rich joins what it prints, and forgets how a line was to be broken
        console.print(line, no_wrap=line.no_wrap, overflow=line.overflow)
    if audit.refused:
        console.print(_refusals(audit))
    console.print(_histogram(audit))


def render_actions(audits: Sequence[Audit], console: Console | None = None) -> None:
    """Print what to type about refused nodes: of one audit, or of several together."""
    console = console or Console()
    for line in _actions(audits[0]) if len(audits) == 1 else _together(audits):
        console.print(line, soft_wrap=True)


def render_all(audits: Sequence[Audit], console: Console | None = None) -> None:
    """Print a line for each of ``audits``, which are of one graph, the best target first.

    Args:
        audits: at least one.
        console: where to; standard output by default.
    """
    console = console or Console()
    first = audits[0]
    shared = _shared(audits)
    freed = any(audit.freed is not None for audit in audits)
    whole = sum(audit.ok for audit in audits)
    style = "bold green" if whole == len(audits) else "bold yellow" if whole else "bold red"
    lines = [
        Text(f"{whole} of {len(audits)} targets run the whole graph as it is", style=style),
        Text(_ports(first)),
        Text(_weight(first)[0]),
        Text(_operators(first)),
        *(Text(f"! {finding}", style="yellow") for finding in shared),
    ]
    for line in lines:
        console.print(line)
    table = Table(box=None, pad_edge=False, expand=True)
    for column in ("target", "runs", *(["freed"] if freed else []), "parts", "MACs inside"):
        table.add_column(column, justify="left" if column == "target" else "right", no_wrap=True)
    table.add_column("refused", ratio=1, no_wrap=True)
    for audit in sorted(audits, key=lambda a: (not a.ok, len(a.refused), a.target)):
        refused = Counter(node.operator for node in audit.refused).most_common()
        what = ", ".join(f"{operator} {count}" for operator, count in refused)
        inside = f"{1 - audit.refused_share:.1%}" if audit.macs else ""
        table.add_row(
            Text(audit.target, style="green" if audit.ok else ("yellow" if audit.whole else "red")),
            f"{audit.nodes - len(audit.refused)}/{audit.nodes}",
            *([_freed(audit)] if freed else []),
            str(len(audit.partitions)),
            inside,
            Text("; ".join(filter(None, (what, *(f for f in audit.findings if f not in shared))))),
        )
    console.print(table)
    console.print(Text("one target in full, with reasons and modules: target=NAME", style="dim"))


def _shared(audits: Sequence[Audit]) -> list[str]:
    """What is to be said of the graph to more than one target, in the order found."""
    counts = Counter(line for audit in audits for line in (*audit.findings, *audit.hints))
    return [line for line, count in counts.items() if count > 1]


def _freed(audit: Audit) -> str:
    """Nodes that run once listed weights are constants; where none are listed, those that run."""
    runs = audit.nodes - len(audit.refused)
    return f"{runs if audit.freed is None else audit.freed}/{audit.nodes}"


def _once_freed(audit: Audit) -> list[str]:
    if audit.freed is None or audit.freed == audit.nodes - len(audit.refused):
        return []
    return [f"once they are freed, {audit.target} runs {audit.freed} of {audit.nodes} nodes"]


def _together(audits: Sequence[Audit]) -> list[Text]:
    """What to type, the operation that helps on most targets first."""
    helped: dict[str, list[tuple[Audit, Action]]] = {}
    for audit in audits:
        for action in audit.actions:
            helped.setdefault(action.name, []).append((audit, action))
    ranked = sorted(helped.values(), key=lambda found: -len(found))
    lines = []
    for found in ranked[:ACTIONS]:
        audit, action = found[0]
        command = action.command.replace(f"target={audit.target}", "target=TARGET")
        names = ", ".join(f"{each.target} {helps.nodes}" for each, helps in found)
        head = f"{action.name} ({_how(action)}) {_removes(action)} refused nodes: {names}"
        lines += [Text(head, style="bold"), Text(f"  {command}", style="cyan")]
    return lines


def _removes(action: Action) -> str:
    return "removes" if action.tried else "may remove (not tried)"


def _how(action: Action) -> str:
    return "exact" if action.exact else "approximate, its effect is measured"


def _operators(audit: Audit) -> str:
    """The graph's operators on one line."""
    shown = list(audit.histogram.items())[:OPERATORS]
    more = len(audit.histogram) - len(shown)
    listed = ", ".join(f"{operator} {count}" for operator, count in shown)
    return f"{audit.nodes} nodes: {listed}" + (f" and {more} more operators" if more else "")


def _ports(audit: Audit) -> str:
    ports = ", ".join(f"{name} {shape}" for name, shape in audit.inputs.items())
    results = ", ".join(f"{name} {shape}" for name, shape in audit.outputs.items())
    return f"opset {audit.opset}: {ports} -> {results}"


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
    parts = f"nodes by partition: {shown}{more}"
    if audit.macs:
        parts += f"; the largest holds {max(audit.partition_macs) / audit.macs:.1%} of the MACs"
    return [line, parts]


def _actions(audit: Audit) -> list[Text]:
    """What to type, the operation that removes most first, and what nothing here removes."""
    lines = []
    for action in audit.actions[:ACTIONS]:
        count = f"{action.nodes} of {len(audit.refused)}"
        head = f"{action.name} {_removes(action)} {count} ({_how(action)}):"
        lines += [Text(head, style="bold"), Text(f"  {action.command}", style="cyan")]
    left = Counter(node.operator for node in audit.refused if not node.remedy)
    if left:
        names = ", ".join(f"{name} {count}" for name, count in left.most_common(ACTIONS))
        more = ", ..." if len(left) > ACTIONS else ""
        lines.append(Text(f"nothing here removes {names}{more}", style="bold"))
    return lines


def _refusals(audit: Audit) -> Table:
    groups: dict[tuple[str, str], list[Refusal]] = {}
    for node in audit.refused:
        groups.setdefault((node.operator, node.reason), []).append(node)
    ranked = sorted(
        groups.items(), key=lambda item: (-sum(node.macs for node in item[1]), -len(item[1]))
    )
    table = _table("refused", "nodes", "split", "MACs", "why", "made by")
    for (operator, reason), nodes in ranked[:REFUSALS]:
        share = sum(node.macs for node in nodes) / audit.macs if audit.macs else 0.0
        places = _shortened(node.module or node.name for node in nodes)
        split = str(sum(node.splits for node in nodes))
        table.add_row(operator, str(len(nodes)), split, f"{share:.1%}", Text(reason), Text(places))
    if len(ranked) > REFUSALS:
        rest = sum(len(nodes) for _, nodes in ranked[REFUSALS:])
        table.add_row("others", str(rest), "", "", f"{len(ranked) - REFUSALS} more reasons", "")
    return table


def _histogram(audit: Audit) -> Table:
    refused = Counter(node.operator for node in audit.refused)
    table = _table("operator", "nodes", "")
    for operator, count in list(audit.histogram.items())[:OPERATORS]:
        state = f"{refused[operator]} refused" if refused[operator] else ""
        state = state or audit.notes.get(operator, "")
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
            justify="right" if column in ("nodes", "split", "MACs") else "left",
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
