"""The verdict's evidence: the finished bundle against the untouched network, on unseen pictures.

A folder of calibration images is divided before anything looks at it: what judges is kept from fits
and statistics (:func:`surgery.network.pictures.divided`). ``surgery.judge.images`` names others;
drawn scenes have a seed of their own.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from postprocess.runtime import Runtime

from ..measure.retention import Retention, retention
from ..network.pictures import judging_samples
from ..network.run import run_torch
from ..targets.audit import Audit
from .case import Case

# Bands of the estimate, from docs/strategies.md (`python -m benchmarks.verdict`): the fit that
# keeps 98 % of the labelled AP has 0.86, those with 93 to 94 % 0.81, the one with 71 % 0.70.
SHIP, LOOK = 0.95, 0.80
FEWEST = 20  # instances of the untouched network; fewer tell nothing about a few percent
HEAVY = 0.05  # share of multiply-adds outside of a target that is more than a detour


@dataclass(frozen=True)
class Judgement:
    """What the bundle keeps, and on which pictures that was found.

    Attributes:
        retention: accuracy against the untouched network's own detections.
        pictures: their names.
        seen: whether a fit or its statistics may have looked at them.
    """

    retention: Retention
    pictures: tuple[str, ...]
    seen: bool

    def to_json(self) -> dict[str, Any]:
        """Return plain values, as report.json holds them."""
        return {**self.retention.to_json(), "images": list(self.pictures), "seen": self.seen}

    def grade(self) -> str:
        """``ship``, ``look`` (at one's own pictures first) or ``no``."""
        kept = self.retention.kept
        if kept is None or kept < LOOK:
            return "no"
        few = self.retention.instances < FEWEST or self.seen
        return "look" if few or kept < SHIP else "ship"

    def words(self) -> str:
        """What was found, in one clause."""
        found = self.retention
        pictures = "1 picture" if found.pictures == 1 else f"{found.pictures} pictures"
        if found.kept is None:
            return f"the untouched network finds nothing on {pictures}"
        span = "" if found.low is None else f" ({found.low:.2f} to {found.high:.2f})"
        text = (
            f"average precision of {found.kept:.2f}{span} against the untouched network's own "
            f"{found.instances} detections on {pictures}"
        )
        if self.seen:
            text += " that the fit may have seen"
        elif found.instances < FEWEST:
            text += ", too few to tell more"
        return text


def judge(case: Case, runtime: Runtime) -> Judgement:
    """Run the untouched network in torch and the bundle in ONNX Runtime on the judging pictures."""
    samples, seen = judging_samples(case.config, case.samples)
    untouched = [run_torch(case.model, sample.tensor).instances for sample in samples]
    operated = [runtime.decode(runtime.heads(sample.tensor))[0] for sample in samples]
    sizes = [(int(each.tensor.shape[2]), int(each.tensor.shape[3])) for each in samples]
    return Judgement(
        retention(untouched, operated, sizes),
        tuple(sample.source for sample in samples),
        seen,
    )


def for_target(said: Mapping[str, Any], audited: Audit) -> dict[str, Any]:
    """The verdict once the audit is read: what a target refuses in part is no plain ship."""
    if not audited.refused:
        return dict(said)
    heavy = audited.refused_share > HEAVY
    grade = "no" if heavy else "look" if said["grade"] == "ship" else said["grade"]
    pieces = len(audited.partitions)
    runs = audited.nodes - len(audited.refused)
    text = (
        f"{said['text']} {audited.target} runs {runs} of {audited.nodes} nodes, in {pieces} "
        f"pieces: {'do not ship it there' if heavy else 'measure it there first'}."
    )
    return {**said, "grade": grade, "good": grade != "no", "text": text}


def require_grade(least: str | None, said: Mapping[str, Any]) -> None:
    """End the process with code 2 where the verdict is less than ``surgery.require`` asks for.

    Raises:
        SystemExit: with code 2; the bundle is written all the same.
    """
    grades = ("no", "look", "ship")
    if least is not None and grades.index(said["grade"]) < grades.index(least):
        print(
            f"surgery: the verdict is {said['grade']!r}, surgery.require={least}", file=sys.stderr
        )
        raise SystemExit(2)
