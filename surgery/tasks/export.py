"""``task=export``, the main job: operate, export, prove, bundle, report."""

from __future__ import annotations

from typing import Any

import cv2
import onnx
import torch

import postprocess
from postprocess.draw import overlay
from postprocess.errors import InputError
from postprocess.stages import Stages

from ..audit import Audit, audit
from ..bundle import Staging, staging
from ..config import Config
from ..graphs import describe_graph, export_graph, write_graph
from ..ledger import Ledger
from ..loading import Model, load_model
from ..parity import Parity, parity, require
from ..pipeline import Patient, calibrate, compared, verdict
from ..progress import Progress
from ..report import write_report
from ..running import Run, run_torch
from ..sample import load_sample
from ..strategy import Strategy, choose
from ..targets import Target
from ..versions import versions

PLAIN_OPERATORS = {"Conv", "ConvTranspose", "Relu", "Add", "Concat", "MaxPool"}


def run(config: Config) -> None:
    """Write the bundle into ``config.out``.

    Raises:
        InputError: the input is at fault, or the exported graph does not compute what the operated
            network computes; ``config.out`` is as it was before.
    """
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    progress = Progress()
    target = Target.from_config(config.target)
    surgery = config.surgery
    strategy = choose(surgery.dcn, target, surgery.exporter, surgery.opset)
    with staging(config.out) as stage:
        patient = _admit(config, strategy, progress)
        model, ledger = patient.model, Ledger()
        with patient.operated(strategy.rewrites, strategy.opset, ledger):
            with progress.stage(f"run the operated network (dcn={strategy.name})"):
                operated = run_torch(model, patient.sample.tensor)
            graphs = _export(patient, strategy, ledger, progress)
        with progress.stage("compare strategies"):
            rows = compared(patient, strategy, operated)
        with progress.stage(f"audit for {target.name}"):
            audited = audit(graphs["backbone"], target)
            _require_plain(audited, strategy)
        for name, graph in graphs.items():
            write_graph(graph, stage.folder / f"{name}.onnx", ledger)
        manifest = _manifest(model, graphs, ledger)
        stage.write(manifest)
        with progress.stage("run the bundle in ONNX Runtime"):
            runtime = postprocess.load(stage.folder, threads=config.threads)
            stages = runtime.run_stages(patient.sample.image)
        exported = parity(operated.heads, operated.instances, stages.heads, stages.instances)
        require(exported, surgery.exporter)
        with progress.stage("write golden values, overlay and report"):
            proof = _proof(patient.untouched, operated, exported)
            stages.save(stage.folder / "golden.npz")
            facts = {
                **_facts(patient, strategy, target, audited, ledger),
                "strategies": rows,
                "parity": proof,
                "verdict": verdict(rows[0], strategy),
                "seconds": progress.seconds,
            }
            _write_pictures(stage, stages, facts)
            stage.write({**manifest, "parity": proof})
        stage.publish()
    _say(progress, config, audited, exported, rows, ledger)


def _admit(config: Config, strategy: Strategy, progress: Progress) -> Patient:
    """Load the network and the picture, and take down how they are before the operation."""
    with progress.stage(f"build {config.model.get('variant')} and load its weights"):
        model = load_model(config)
        sample = load_sample(config)
    with progress.stage("run the untouched network"):
        untouched = run_torch(model, sample.tensor)
    names = {*strategy.rewrites.values(), *(f"dcn.{n}" for n in config.surgery.compare)}
    with progress.stage("look at the layers' offsets"):
        calibration = calibrate(config, model, names)
    return Patient(config, model, sample, untouched, calibration)


def _export(
    patient: Patient, strategy: Strategy, ledger: Ledger, progress: Progress
) -> dict[str, onnx.ModelProto]:
    graphs = {}
    for graph in patient.model.graphs:
        title = f"export {graph.name} ({patient.config.surgery.exporter}, opset {strategy.opset})"
        with progress.stage(title):
            graphs[graph.name] = export_graph(
                graph, patient.config, strategy, ledger, patient.sample.tensor
            )
    return graphs


def _require_plain(audited: Audit, strategy: Strategy) -> None:
    """Plain convolutions were asked for, so nothing else may be left of the deformable ones.

    Raises:
        InputError: the backbone holds another operator; names it.
    """
    if set(strategy.rewrites.values()) <= {"dcn.plain", "dcn.folded"}:
        foreign = set(audited.histogram) - PLAIN_OPERATORS
        if foreign:
            raise InputError(
                f"surgery.dcn={strategy.name} leaves {', '.join(sorted(foreign))} in the backbone, "
                f"expected only {', '.join(sorted(PLAIN_OPERATORS))}: a layer was not recognised, "
                "or the network itself holds it"
            )


def _manifest(model: Model, graphs: dict[str, onnx.ModelProto], ledger: Ledger) -> dict[str, Any]:
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


def _proof(untouched: Run, operated: Run, exported: Parity) -> dict[str, Any]:
    changed = parity(untouched.heads, untouched.instances, operated.heads, operated.instances)
    return {
        "torch original, torch operated": changed.to_json(),
        "torch operated, ONNX Runtime": exported.to_json(bounded=True),
    }


def _facts(
    patient: Patient, strategy: Strategy, target: Target, audited: Audit, ledger: Ledger
) -> dict[str, Any]:
    model = patient.model
    return {
        "model": {"name": model.name, "variant": model.variant, "weights": dict(model.weights)},
        "ignored_keys": list(model.ignored),
        "image": patient.sample.source,
        "target": target.name,
        "strategy": {"name": strategy.name, "reason": strategy.reason},
        "export": {"exporter": patient.config.surgery.exporter, "opset": strategy.opset},
        "audit": audited.to_json(),
        "ledger": ledger.to_json(),
        "ledger_summary": ledger.summary(),
        "versions": versions(),
    }


def _write_pictures(stage: Staging, stages: Stages, facts: dict[str, Any]) -> None:
    """Write the overlay, and the report that shows it."""
    good, encoded = cv2.imencode(".png", overlay(stages.image, stages.result))
    assert good
    picture = encoded.tobytes()
    (stage.folder / "overlay.png").write_bytes(picture)
    write_report(stage.folder, facts, {"What the bundle finds": picture})


def _say(
    progress: Progress,
    config: Config,
    audited: Audit,
    exported: Parity,
    rows: list[dict[str, Any]],
    ledger: Ledger,
) -> None:
    """Print what a person wants to know first."""
    for line in ledger.summary():
        progress.say(line)
    progress.say("backbone: " + ", ".join(f"{op} {n}" for op, n in audited.histogram.items()))
    progress.say(audited.summary)
    for row in rows:
        found = row["instances"]
        apart = f", contours {found['mean']:.3g} px apart" if found["matched"] else ""
        progress.say(
            f"dcn={row['name']} against the untouched network: {found['matched']} of "
            f"{found['reference']} instances matched{apart}"
        )
    worst = max(d.max for d in exported.outputs.values())
    progress.say(f"ONNX Runtime against the operated network: outputs at most {worst:.2g} apart")
    progress.say(f"bundle: {config.out}")
