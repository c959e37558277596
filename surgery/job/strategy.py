"""Which rewrite each deformable layer gets: what was asked for, or the best that a target runs.

The rewrite itself states the facts about a strategy (:mod:`surgery.rewrites.traits`), so that
another package's ``dcn.NAME`` is chosen, searched over and compared like ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from postprocess.errors import InputError

from ..config.surgery import DEFAULT_OPSET, DcnConfig
from ..rewrites.registry import REWRITES
from ..rewrites.traits import STRATEGY, Traits, traits_of
from ..targets import Target

AUTO = "auto"  # decided by the target
SEARCHED = f"{STRATEGY}searched"  # decided layer by layer before the cut (surgery.search)
DECIDED = frozenset({STRATEGY + AUTO, SEARCHED})  # names that stand for rewrites to be found


@dataclass(frozen=True)
class Strategy:
    """A decision for every deformable layer.

    Attributes:
        name: the strategy of the layers that no pattern names.
        rewrites: rewrite by module path pattern, first match wins.
        opset: ONNX opset of the export.
        reason: why this one, in words.
    """

    name: str
    rewrites: Mapping[str, str]
    opset: int
    reason: str


def traits_by_strategy() -> dict[str, Traits]:
    """Traits of every strategy by its name without "dcn.", in the order of names.

    A strategy that does not load is left out: it is an error for those who ask for it alone.
    """
    found = {}
    for name in REWRITES.names():
        if name.startswith(STRATEGY):
            try:
                found[name.removeprefix(STRATEGY)] = traits_of(REWRITES.get(name))
            except InputError:
                continue
    return found


def exact_form(target: Target) -> str | None:
    """The fastest form that keeps a layer exact and that ``target`` runs."""
    ranks = {name: (each.speed, each) for name, each in traits_by_strategy().items()}
    return _first_that_runs(ranks, target)


def auto(target: Target) -> tuple[str, str]:
    """The most accurate strategy whose operators the target runs, and why.

    Raises:
        InputError: the target does not even run ordinary convolutions.
    """
    traits = traits_by_strategy()
    name = _first_that_runs({n: (each.accuracy, each) for n, each in traits.items()}, target)
    if name is not None:
        known = " and ".join(traits[name].operators)
        return name, f"the most accurate that {target.name} runs (it has {known})"
    raise InputError(f"target {target.name} has no Conv: choose another, or surgery.dcn=NAME")


def _first_that_runs(ranks: Mapping[str, tuple[int | None, Traits]], target: Target) -> str | None:
    """The lowest rank whose operators the target has."""
    ranked = [(rank, name) for name, (rank, _) in ranks.items() if rank is not None]
    for _, name in sorted(ranked):
        operators = ranks[name][1].operators
        if operators and all(target.rule(operator) is not None for operator in operators):
            return name
    return None


def opset_for(rewrites: Iterable[str], least: int) -> int:
    """The lowest opset from ``least`` on that all of these rewrites can be exported in."""
    return max([least, *(REWRITES.get(rewrite).min_opset for rewrite in rewrites)])


def nothing_to_choose(opset: int) -> Strategy:
    """The strategy for a network without deformable layers."""
    return Strategy("keep", {}, opset, "the network has no deformable layer")


def choose(
    config: DcnConfig,
    target: Target,
    exporter: str,
    opset: int | None,
    also: Sequence[str] = (),
) -> Strategy:
    """Resolve names and the opset.

    Args:
        also: further rewrites, whose opset counts as well.

    Raises:
        InputError: an unknown strategy, or an opset too low for a chosen one.
    """
    name, reason = config.name, "asked for"
    if name == AUTO:
        name, reason = auto(target)
    rewrites = {
        pattern: STRATEGY + (auto(target)[0] if choice == AUTO else choice)
        for pattern, choice in config.layers.items()
    }
    rewrites["*"] = STRATEGY + name
    names = (*rewrites.values(), *also)
    needed = {name: REWRITES.get(name).min_opset for name in names if name != SEARCHED}
    lowest = max(needed.values(), default=1)
    if opset is not None and opset < lowest:
        needing = next(rewrite for rewrite, least in needed.items() if least == lowest)
        raise InputError(
            f"surgery.opset={opset} is too low for {needing}, which needs {lowest}: "
            "raise it, leave it out, or choose surgery.dcn=decomposed"
        )
    return Strategy(name, rewrites, opset or max(DEFAULT_OPSET[exporter], lowest), reason)
