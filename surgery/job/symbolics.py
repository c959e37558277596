"""The symbolics that a target needs, known before the export: it lacks the operator they avoid.

For a target without HardSwish, for example, the exporter writes Add, Clip and Mul instead. Only
exact ones are chosen, and only where the target runs what they write; a symbolic that the network
never calls does nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..config.surgery import SurgeryConfig
from ..export.symbolics import DEFAULT, SYMBOLICS
from ..targets.remedies import Remedy, remedies
from ..targets.target import Target


def asked_for(surgery: SurgeryConfig) -> tuple[str, ...]:
    """Return the names of symbolics asked for: ours less those skipped, and further ones."""
    kept = [name for name in DEFAULT if name not in surgery.symbolics.skip]
    return (*kept, *surgery.symbolics.also)


def needed(target: Target, opset: int) -> dict[str, str]:
    """Return the names of symbolics that ``target`` needs at ``opset``, each with the reason."""
    found: dict[str, str] = {}
    for remedy in remedies():
        name = remedy.member("symbolic")
        if not name or not remedy.exact or opset not in SYMBOLICS.get(name).opsets:
            continue
        lacking = _lacking(remedy, target)
        if lacking:
            found.setdefault(name, f"for target {target.name}, which has no {' or '.join(lacking)}")
    return found


def joined(asked: Sequence[str], chosen: Mapping[str, str], opset: int) -> tuple[str, ...]:
    """``asked`` and ``chosen``; of two that write the same operator, the chosen one stays out.

    But where ``asked`` names one of those that are on in every export: that makes way.

    Args:
        asked: names of the configuration, defaults included.
        chosen: of :func:`needed`.
        opset: those of other opsets cannot be in each other's way.
    """
    names = list(asked)
    for name in chosen:
        operators = set(SYMBOLICS.get(name).operators)
        rivals = [
            other
            for other in names
            if operators & set(SYMBOLICS.get(other).operators)
            and opset in SYMBOLICS.get(other).opsets
        ]
        if all(rival in DEFAULT for rival in rivals):
            names = [*(other for other in names if other not in rivals), name]
    return tuple(names)


def _lacking(remedy: Remedy, target: Target) -> list[str]:
    if any(target.rule(operator) is None for operator in remedy.runs):
        return []
    return sorted(operator for operator in remedy.operators if target.rule(operator) is None)
