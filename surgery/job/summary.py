"""The results of the main job: for bundle.json, for the report, and for a person at a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..config.run import Config
from ..measure.parity import Parity
from ..network.load import Model
from ..support.ledger import Ledger
from ..targets import Target
from ..targets.audit import Audit
from .case import Case
from .prepare import Plan

SUGGESTED = 3  # operations that a target would need beside those that were chosen


def description(model: Model) -> dict[str, Any]:
    """The network and its decoder, as bundle.json describes them."""
    return {
        "model": _model(model),
        "preprocess": model.preprocess.to_json(),
        "decoder": dict(model.decoder),
        "classes": list(model.classes),
        "keypoints": list(model.keypoints),
        "skeleton": [list(pair) for pair in model.skeleton],
    }


def report(case: Case, plan: Plan, target: Target, audited: Audit) -> dict[str, Any]:
    """The part of report.json that is known before the bundle is run."""
    strategy, model, fit = plan.strategy, case.model, plan.fit
    return {
        "model": _model(model),
        "ignored_keys": list(model.ignored),
        "image": ", ".join(sample.source for sample in case.samples),
        "target": target.name,
        "strategy": {"name": strategy.name, "reason": strategy.reason},
        "search": [point.to_json() for point in plan.points],
        "fit": {
            "source": "" if fit is None else fit.source,
            "summary": {} if fit is None else dict(fit.fitted.summary),
        },
        "export": {"exporter": case.config.surgery.exporter, "opset": strategy.opset},
        "audit": audited.to_json(),
    }


def _model(model: Model) -> dict[str, Any]:
    return {"name": model.name, "variant": model.variant, "weights": dict(model.weights)}


def summary(
    config: Config, audited: Audit, exported: Parity, report: Mapping[str, Any], ledger: Ledger
) -> Iterator[str]:
    """Lines for a terminal, the most important facts first."""
    yield from ledger.summary()
    yield "backbone: " + ", ".join(f"{op} {n}" for op, n in audited.histogram.items())
    for entry in ledger.fired():
        if entry.kind in ("symbolic", "pass") and entry.reason:
            yield f"{entry.where}: {entry.kind} {entry.name}: {entry.reason}"
    yield audited.summary
    for action in audited.actions[:SUGGESTED]:
        how = "exact" if action.exact else "approximate"
        yield f"{action.name} may remove {action.nodes} more ({how}): {action.command}"
    for row in report["strategies"]:
        if "instances" not in row:
            yield f"{row['name']}: {row['latency']:.3g} ms"
            continue
        found = row["instances"]
        apart = f", contours {found['mean']:.3g} px apart" if found["matched"] else ""
        yield (
            f"dcn={row['name']} against the untouched network: {found['matched']} of "
            f"{found['reference']} instances matched{apart}"
            + (f"; {row['latency']:.3g} ms in ONNX Runtime" if row["latency"] else "")
        )
    worst = max(d.max for d in exported.outputs.values())
    yield f"ONNX Runtime against the operated network: outputs at most {worst:.2g} apart"
    if config.checkpoint is None and config.weights is None and config.model.get("published"):
        yield (
            "these are demo weights; the published ones come with checkpoint=FILE: "
            f"{config.model['published']}"
        )
    yield report["verdict"]["text"]
    yield f"bundle: {config.out}"
