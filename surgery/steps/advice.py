"""What to do about refused nodes, tried on the file itself: commands that were seen to work.

The audit's table names operations that may help. Here they are run, alone and one behind another,
each step checked as ``task=graph`` checks it, and the graph is audited after each. What is advised
is the shortest sequence that left the target the fewest refused nodes, with the count that was
seen; an operation that was tried and did not help is not mentioned.
"""

from __future__ import annotations

import shlex
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import onnx

from postprocess.errors import InputError
from postprocess.fields import Field

from ..graph.view import opset_of
from ..support.ledger import Ledger
from ..targets import Target
from ..targets.audit import Action, Audit, audits
from ..targets.remedies import written_to
from .sequence import apply, parse

Step = Mapping[str, Any]
GENERAL = ("slim", "fold")  # passes that help where no single node names them
OPSET = 13  # from which most passes and tables work
LONGEST = 4  # steps of a sequence
ROUNDS = 2  # so many time limits are given to the first round, in which each step is tried alone


@dataclass
class _Trial:
    """What was tried: graphs and refused nodes by target, by sequence of steps."""

    targets: Sequence[Target]
    graphs: dict[tuple[str, ...], onnx.ModelProto]
    refused: dict[tuple[str, ...], dict[str, int]] = field(default_factory=dict)
    steps: dict[str, Step] = field(default_factory=dict)

    def run(self, before: tuple[str, ...], name: str) -> tuple[str, ...] | None:
        """Add a step to a sequence that was tried; the new sequence, None where it does not run."""
        sequence = (*before, name)
        if sequence in self.refused:
            return sequence
        try:
            asked = parse(Field([dict(self.steps[name])], "advice", "graph.steps"))
            (after,) = apply(self.graphs[before], asked, Ledger())
            found = audits(after, self.targets)
        except InputError:
            return None
        self.graphs[sequence] = after
        self.refused[sequence] = {each.target: len(each.refused) for each in found}
        return sequence

    def total(self, sequence: tuple[str, ...]) -> int:
        return sum(self.refused[sequence].values())


def advise(
    model: onnx.ModelProto,
    path: Path,
    found: Sequence[Audit],
    targets: Sequence[Target],
    seconds: float | None,
) -> list[Audit]:
    """Return the audits with actions that were tried in front of those that were not.

    Args:
        model: the audited graph with its weights.
        path: of its file, for the commands.
        found: audits of the graph, one for each of ``targets``.
        seconds: time limit, checked between steps; None for none.
    """
    if not any(each.refused for each in found):
        return list(found)
    trial = _Trial(targets, {(): model})
    trial.refused[()] = {each.target: len(each.refused) for each in found}
    trial.steps = _steps(model, found)
    _search(trial, seconds)
    return [_advised(each, trial, path) for each in found]


def _steps(model: onnx.ModelProto, found: Sequence[Audit]) -> dict[str, Step]:
    """The steps to try by name, the likeliest first."""
    steps: dict[str, Step] = {}
    if opset_of(model) < OPSET:
        steps[f"opset {OPSET}"] = {"opset": OPSET}
    sizes = next((each.assumed for each in found if each.assumed), None)
    if sizes:
        steps["fix"] = {"fix": dict(sizes)}
    counts = Counter(name for each in found for node in each.refused for name in node.passes)
    for name in dict.fromkeys([*GENERAL, *(name for name, _ in counts.most_common())]):
        steps[f"pass {name}"] = {"pass": name}
    return steps


def _search(trial: _Trial, seconds: float | None) -> None:
    """Try each step alone, then further ones behind the best sequence, while there is time."""
    start = time.monotonic()

    def late(rounds: int) -> bool:
        return seconds is not None and time.monotonic() - start > rounds * seconds

    for name in trial.steps:
        if late(ROUNDS):
            return
        trial.run((), name)
    prelude: tuple[str, ...] = ()
    for name in (f"opset {OPSET}", "fix"):
        if name in trial.steps and (reached := trial.run(prelude, name)) is not None:
            prelude = reached
    best = min(trial.refused, key=lambda each: (trial.total(each), len(each)))
    for begin in dict.fromkeys((prelude, best)):
        at = begin
        while len(at) < LONGEST:
            further = []
            for name in trial.steps:
                if late(1):
                    return
                if name not in at and (reached := trial.run(at, name)) is not None:
                    further.append(reached)
            if not further:
                break
            ahead = min(further, key=trial.total)
            if trial.total(ahead) >= trial.total(at):
                break
            at = ahead


def _advised(audit: Audit, trial: _Trial, path: Path) -> Audit:
    """The audit with the shortest sequence that helps its target most, and what was not tried."""
    target, before = audit.target, len(audit.refused)
    best = min(trial.refused, key=lambda each: (trial.refused[each][target], len(each)))
    removed = before - trial.refused[best][target]
    others = [each for each in audit.actions if f"{each.name}" not in trial.steps]
    actions = [replace(each, tried=False) for each in others]
    if removed > 0:
        written = ", ".join(_written(trial.steps[name]) for name in best)
        command = (
            f"python -m surgery task=graph model.path={shlex.quote(str(path))} "
            f"{shlex.quote(f'graph.steps=[{written}]')} out={written_to(path)}"
        )
        actions.insert(0, Action(", ".join(best), removed, True, command, tried=True))
    return replace(audit, actions=tuple(actions))


def _written(step: Step) -> str:
    """A step in Hydra's grammar."""
    ((name, value),) = step.items()
    if isinstance(value, Mapping):
        return f"{{{name}: {{{', '.join(f'{key}: {size}' for key, size in value.items())}}}}}"
    return f"{{{name}: {value}}}"
