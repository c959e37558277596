"""``task=export``, the main job: operate, export, prove, bundle, report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..config.run import Config
from ..foreign.job import run as run_foreign
from ..job.bundle import Staging, staging
from ..job.case import Case, load_case
from ..job.compare import compare, verdict
from ..job.finish import Staged, finish, run_bundle
from ..job.for_target import Adapted, all_for_target
from ..job.judge import for_target, judge, require_grade
from ..job.names import require_known
from ..job.prepare import prepare
from ..job.prove import prove
from ..job.strategy import choose
from ..job.summary import description, report, summary
from ..job.timing import timing
from ..job.trial import operate_and_export
from ..network.run import decoder_of
from ..precision import reduce_staged, trial_of
from ..support.ledger import Ledger
from ..support.progress import Progress
from ..targets import Target
from ..targets.audit import Audit


@dataclass(frozen=True)
class Proven:
    """A staged bundle, the audit of its backbone, its parity figures and the verdict on it."""

    staged: Staged
    audit: Audit
    parity: Mapping[str, Any]
    verdict: Mapping[str, Any]


def run(config: Config) -> None:
    """Write the bundle into ``config.out``.

    Raises:
        InputError: the input is at fault, or the exported graph does not compute what the operated
            network computes; ``config.out`` is as it was before.
    """
    require_known(config)
    if config.model["name"] == "onnx":  # somebody else's graph: there is no network in torch
        run_foreign(config)
        return
    surgery, target = config.surgery, Target.from_config(config.target)
    strategy = choose(surgery.dcn, target, surgery.exporter, surgery.opset, surgery.rewrites)
    progress, ledger = Progress(), Ledger()
    with staging(config.out) as stage:
        case = load_case(config, progress)
        plan = prepare(case, strategy, target, progress)
        operated = operate_and_export(case, plan.chosen, ledger, progress)
        with progress.stage(f"audit for {target.name}"):
            adapted = all_for_target(case, operated.graphs, target, ledger)
        with progress.stage("compare strategies"):
            rows = compare(case, plan, operated.runs, adapted.graphs["backbone"])
        with progress.stage("run the bundle in ONNX Runtime"):
            staged = _staged(stage, case, adapted, ledger)
        exported, figures = prove(case, operated.runs, staged.stages)
        with progress.stage("judge the bundle on pictures that no fit has seen"):
            judgement = judge(case, staged.runtime)
        said = verdict(rows, plan.strategy, _further(config, ledger), judgement)
        judged = for_target(said, adapted.audit)
        proven = Proven(staged, adapted.audit, figures, judged)
        if surgery.precision != "fp32":
            proven = _reduced(stage, case, proven, target, ledger, progress)
        facts = {
            **report(case, plan, target, proven.audit),
            "strategies": rows,
            "parity": proven.parity,
            "verdict": proven.verdict,
            "judgement": judgement.to_json(),
        }
        with progress.stage("time a picture from end to end"):
            timed = timing(proven.staged.runtime, case.samples[0].image)
            facts["end_to_end"] = timed.to_json()
        inside = surgery.decode == "inside"
        written = finish(stage, proven.staged, facts, target, ledger, progress, inside=inside)
    for line in summary(config, proven.audit, exported, written, ledger):
        progress.say(line)
    progress.say(timed.words())
    require_grade(config.surgery.require, proven.verdict)


def _staged(stage: Staging, case: Case, adapted: Adapted, ledger: Ledger) -> Staged:
    described, image = description(case.model), case.samples[0].image
    return run_bundle(stage, adapted.graphs, described, image, case.config.threads, ledger)


def _further(config: Config, ledger: Ledger) -> list[str]:
    """Those of ``surgery.rewrites`` that changed the network."""
    fired = {entry.name for entry in ledger.fired() if entry.kind == "rewrite"}
    return [name for name in config.surgery.rewrites if name in fired]


def _reduced(
    stage: Staging, case: Case, proven: Proven, target: Target, ledger: Ledger, progress: Progress
) -> Proven:
    """The bundle in reduced precision, held against the one in float32, both in ONNX Runtime."""
    model = case.model
    trial = trial_of(case.config, decoder_of(model), model.preprocess, case.samples)
    made = reduce_staged(stage, trial, proven.staged, proven.verdict, target, ledger, progress)
    figures = {**proven.parity, **made.parity}
    return Proven(made.staged, made.audit, figures, made.verdict)
