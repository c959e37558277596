"""What came of the main job: for bundle.json, for the report, and for a person at a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import onnx

from ..config.run import Config
from ..measure.parity import Parity
from ..network.load import Model
from ..support.ledger import Ledger
from ..support.versions import versions
from ..targets import Target
from ..targets.audit import Audit
from .case import Patient
from .graphs import describe_graph
from .strategy import Strategy

SUGGESTED = 3  # operations that a target would need beside those that were chosen


def manifest(model: Model, graphs: dict[str, onnx.ModelProto], ledger: Ledger) -> dict[str, Any]:
    """What bundle.json says of the model and what was done to it, parity figures aside."""
    return {
        "model": {"name": model.name, "variant": model.variant, "weights": dict(model.weights)},
        "preprocess": model.preprocess.to_json(),
        "graphs": {name: describe_graph(graph, f"{name}.onnx") for name, graph in graphs.items()},
        "decoder": dict(model.decoder),
        "classes": list(model.classes),
        "keypoints": list(model.keypoints),
        "skeleton": [list(pair) for pair in model.skeleton],
        "ledger": ledger.to_json(),
        "parity": {},
        "versions": versions(),
    }


def facts(
    patient: Patient, strategy: Strategy, target: Target, audited: Audit, ledger: Ledger
) -> dict[str, Any]:
    """What the report says, measured figures aside."""
    model = patient.model
    return {
        "model": {"name": model.name, "variant": model.variant, "weights": dict(model.weights)},
        "ignored_keys": list(model.ignored),
        "image": ", ".join(sample.source for sample in patient.samples),
        "target": target.name,
        "strategy": {
            "name": strategy.name,
            "reason": strategy.reason,
        },
        "search": list(patient.points),
        "fit": {"source": strategy.fit, "summary": dict(patient.fit_summary)},
        "export": {"exporter": patient.config.surgery.exporter, "opset": strategy.opset},
        "audit": audited.to_json(),
        "ledger": ledger.to_json(),
        "ledger_summary": ledger.summary(),
        "versions": versions(),
    }


def summary(
    config: Config, audited: Audit, exported: Parity, told: Mapping[str, Any], ledger: Ledger
) -> Iterator[str]:
    """Lines for a terminal: what a person wants to know first."""
    yield from ledger.summary()
    yield "backbone: " + ", ".join(f"{op} {n}" for op, n in audited.histogram.items())
    for entry in ledger.fired():
        if entry.kind in ("symbolic", "pass") and entry.reason:
            yield f"{entry.where}: {entry.kind} {entry.name}: {entry.reason}"
    yield audited.summary
    for action in audited.actions[:SUGGESTED]:
        how = "exact" if action.exact else "approximate"
        yield f"{action.name} removes {action.nodes} more ({how}): {action.command}"
    for row in told["strategies"]:
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
    yield told["verdict"]["text"]
    yield f"bundle: {config.out}"
