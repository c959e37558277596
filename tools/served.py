"""Which targets an operation is for, from the tables alone: no graph is looked at.

A target is served where the remedies' table offers the operation for an operator that the target
lacks, or takes on a condition that the remedy is about.
"""

from __future__ import annotations

from collections.abc import Sequence

from surgery.targets.remedies import Remedy, remedies
from surgery.targets.target import Target


def served(needs: str, targets: Sequence[Target]) -> dict[str, list[str]]:
    """Return the targets that refuse what an operation removes, each with the operators.

    Args:
        needs: the operation as the table names it, ``KIND:NAME``.
        targets: to look at.
    """
    found: dict[str, list[str]] = {}
    for target in targets:
        served = [
            operator
            for remedy in remedies()
            if remedy.needs == needs and not remedy.deformable
            for operator in _refused(remedy, target)
        ]
        if served:
            found[target.name] = list(dict.fromkeys(served))
    return found


def _refused(remedy: Remedy, target: Target) -> list[str]:
    """Operators that ``target`` refuses, or may refuse for the remedy's reason."""
    if any(target.rule(operator) is None for operator in remedy.runs):
        return []
    if not remedy.operators:
        kind = remedy.reason.removesuffix(" tensors")
        typed = kind != remedy.reason and target.types and kind not in target.types
        return [remedy.reason] if typed else []
    return sorted(o for o in remedy.operators if _may_refuse(o, remedy.reason, target))


def _may_refuse(operator: str, reason: str, target: Target) -> bool:
    rule = target.rule(operator)
    if rule is None or not reason:
        return not reason and (rule is None or bool(rule.attributes or rule.when))
    attribute, _, value = reason.partition("=")
    if attribute in rule.attributes:
        return not value or value not in map(str, rule.attributes[attribute])
    further = [name for cases in rule.when.values() for case in cases.values() for name in case]
    if any(name.endswith(attribute) for name in further):
        return True
    if "rank" in reason:
        return bool(rule.rank)
    if "last axis" in reason:
        return rule.last_axis
    if "clips to" in reason:
        return bool(rule.bounds)
    return "constant" in reason and bool(rule.constant)
