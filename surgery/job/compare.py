"""Strategies side by side: agreement with the untouched network, latency, operators; and advice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import onnx

from postprocess.errors import InputError

from ..measure.instances import SURE
from ..measure.latency import in_turn
from ..network.run import Run, heads_of
from .case import Case
from .judge import Judgement
from .prepare import Plan
from .strategy import Strategy
from .trial import SECONDS, agreement, attempt, backbone_call, trial

CLOSE = 0.5  # pixels: contours that are closer than this look the same
KEEP = 0.9  # agreement below which a strategy is not worth shipping
ORDER = ("no", "look", "ship")  # grades, the worst first
UNTOUCHED = "untouched, in torch"


def compare(
    case: Case, plan: Plan, operated: Sequence[Run], backbone: onnx.ModelProto
) -> list[dict[str, Any]]:
    """A row for each strategy, the shipped one first.

    Args:
        case: network, pictures and the untouched network's runs.
        plan: the shipped strategy and its alternatives.
        operated: the shipped strategy's runs on the pictures, in torch.
        backbone: its exported backbone.

    Returns:
        Rows as in report.json; ``latency`` is None where ONNX Runtime does not run the graph.
    """
    trials = [trial(case, plan.strategy, operated, backbone)]
    trials += [attempt(case, candidate) for candidate in plan.alternatives]
    times = _latencies(case, {each.name: each.graph for each in trials})
    rows = [
        {
            **each.to_json(),
            "chosen": each is trials[0],
            "operators": each.operators,
            "latency": times.get(each.name),
        }
        for each in trials
    ]
    return [*rows, {"name": UNTOUCHED, "latency": times[UNTOUCHED]}]


def _latencies(case: Case, graphs: Mapping[str, onnx.ModelProto | None]) -> dict[str, float]:
    """Median milliseconds of a backbone by strategy, and of the untouched network's in torch."""
    untouched = partial(heads_of, case.model, case.samples[0].tensor)
    calls: dict[str, Callable[[], object]] = {UNTOUCHED: untouched}
    for name, graph in graphs.items():
        with suppress(InputError):
            if graph is not None:
                calls[name] = backbone_call(case, graph)
    return {name: found.median for name, found in in_turn(calls, seconds=SECONDS).items()}


def verdict(
    rows: Sequence[Mapping[str, Any]],
    strategy: Strategy,
    also: Sequence[str] = (),
    judgement: Judgement | None = None,
) -> dict[str, Any]:
    """Say in words what to ship, or that nothing is good enough.

    Args:
        rows: of :func:`compare`.
        strategy: the shipped one.
        also: other rewrites that changed the network.
        judgement: of the finished bundle on pictures that no fit has seen.

    Returns:
        ``grade`` (ship, look or no), ``good`` (whether it is not no) and ``text``.
    """
    row = rows[0]
    sure, found = row["sure"], row["instances"]
    done = [f"dcn={strategy.name} ({strategy.reason})"] if strategy.rewrites else []
    done += [f"rewrite {name}" for name in also]
    chosen = " and ".join(done) or "the network as it is"
    if not sure["reference"]:
        text = (
            f"{chosen}: the untouched network has no detection above the threshold (score {SURE}); "
            "the comparison is inconclusive"
        )
        return {"good": False, "grade": "no", "text": f"{text}: try image=FILE"}
    text = (
        f"{chosen} finds {sure['kept']} of the {sure['reference']} instances that the untouched "
        f"network is sure of (score {SURE} and more)"
    )
    if found["matched"]:
        text += f", {found['mean']:.2g} px apart"
    if extra := sure["other"] - sure["confirmed"]:
        text += f", and {extra} that it does not find"
    kept = agreement(row)
    grade = "ship" if kept == 1 and found["mean"] < CLOSE else "look" if kept >= KEEP else "no"
    if judgement is not None:
        text += f"; {judgement.words()}"
        grade = min(grade, judgement.grade(), key=ORDER.index)
    if grade == "ship":
        return {"good": True, "grade": grade, "text": f"{text}: ship it."}
    if grade == "look":
        words = "good, but look at your own pictures first."
        return {"good": True, "grade": grade, "text": f"{text}: {words}"}
    better = [r for r in rows[1:] if "sure" in r and agreement(r) >= KEEP]
    text += ": do not ship it"
    if better:
        names = " or ".join(f"dcn={each['name']}" for each in better)
        text += f"; {names} keeps more, where the target runs it."
        return {"good": False, "grade": grade, "text": text}
    text += "; none of the strategies compared is good enough."
    return {"good": False, "grade": grade, "text": text}
