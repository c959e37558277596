"""The ONNX passes that a target needs, chosen by holding the graph against it.

A node that the target refuses names the passes that may remove it (``targets/remedies.yaml``). They
are tried in turn, each behind the check that stands behind every pass, and kept where the target
refuses less afterwards. Approximate operations are never chosen here: the audit suggests them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import onnx

from ..passes import Check, run_passes
from ..support.ledger import Entry, Ledger
from ..targets import Target
from ..targets.audit import Audit, audit
from .case import Case
from .graphs import feeds

LAST = ("dead", "names")  # what a change of the graph is cleaned up with


@dataclass(frozen=True)
class Adapted:
    """The graphs of a bundle by name, and the audit of the backbone."""

    graphs: Mapping[str, onnx.ModelProto]
    audit: Audit


def all_for_target(
    case: Case, graphs: Mapping[str, onnx.ModelProto], target: Target, ledger: Ledger
) -> Adapted:
    """Apply :func:`for_target` to each graph, as the configuration says, and audit the backbone."""
    surgery, image = case.config.surgery, case.samples[0].tensor
    adapted = {
        graph.name: for_target(
            graphs[graph.name],
            target,
            check=Check(feeds(graph, case.config, image)),
            ledger=ledger,
            skip=surgery.passes.skip,
            safe=bool(surgery.safe),
        )
        for graph in case.model.graphs
    }
    return Adapted(adapted, audit(adapted["backbone"], target))


def for_target(
    model: onnx.ModelProto,
    target: Target,
    *,
    check: Check,
    ledger: Ledger,
    skip: Collection[str] = (),
    clean: Sequence[str] = LAST,
    safe: bool = False,
) -> onnx.ModelProto:
    """Return ``model`` with what ``target`` refuses of it replaced as far as exact passes do it.

    Args:
        check: holds the graph before and after each pass against each other.
        ledger: gets a line for each pass that was tried, with the refusal it was tried for.
        skip: passes that are not to be tried.
        clean: passes that tidy up after those that were kept.
        safe: run passes in a child process.
    """
    found = audit(model, target)
    tried, changed = set(skip), False
    while (name := _next(found, tried)) is not None:
        tried.add(name)
        cause = _cause(found, name)
        trial = Ledger()
        after = run_passes(model, ledger=trial, check=check, order=(name,), safe=safe)
        if not any(entry.fired for entry in trial):
            ledger.extend(_explained(trial, f"for target {target.name}, {cause}"))
            continue
        again = audit(after, target)
        if _burden(again) >= _burden(found):
            reason = f"for target {target.name}, {cause}: taken back, as it refuses no less then"
            ledger.extend(replace(e, fired=False, reason=reason, effect=None) for e in trial)
            continue
        reason = (
            f"for target {target.name}, {cause}: refused nodes {len(found.refused)} -> "
            f"{len(again.refused)}, partitions {len(found.partitions)} -> {len(again.partitions)}"
        )
        ledger.extend(replace(entry, reason=reason) for entry in trial)
        model, found, changed = after, again, True
    if changed:
        model = run_passes(model, ledger=Ledger(), check=check, order=clean, safe=safe)
    return model


def _next(found: Audit, tried: Collection[str]) -> str | None:
    """The pass that may remove most refused nodes; of equals, the one for the first of them."""
    counts = Counter[str]()
    for node in found.refused:
        first = next((name for name in node.passes if name not in tried), None)
        if first is not None:
            counts[first] += 1
    return counts.most_common(1)[0][0] if counts else None


def _cause(found: Audit, name: str) -> str:
    """What is refused that the pass ``name`` may remove, in words."""
    kinds = Counter(
        (node.operator, node.reason) for node in found.refused if name in node.passes
    ).most_common()
    (operator, reason), count = kinds[0]
    more = f" and {len(kinds) - 1} more kinds of nodes" if len(kinds) > 1 else ""
    return f"which refuses {count} {operator} ({reason}){more}"


def _explained(entries: Collection[Entry] | Ledger, why: str) -> list[Entry]:
    return [replace(entry, reason=f"{why}: {entry.reason}") for entry in entries]


def _burden(found: Audit) -> tuple[int, int]:
    """The cost of a graph on a target, to be compared: nodes refused, then pieces."""
    return len(found.refused), len(found.partitions)
