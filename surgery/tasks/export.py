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

from ..config.run import Config
from ..decoding import require_writer
from ..foreign.job import run as run_found
from ..graph.plugins import standard
from ..job.bundle import Staging, staging
from ..job.case import Patient, admit
from ..job.compare import compared, operated_runs, verdict
from ..job.decoded import add_decoding
from ..job.for_target import adapt
from ..job.graphs import export_graph, feeds, write_graph
from ..job.names import require_known
from ..job.prepare import prepared
from ..job.strategy import Strategy, choose
from ..job.summary import facts, manifest, summary
from ..measure.parity import Parity, parity, require
from ..network.run import Run
from ..passes import Parity as PassParity
from ..precision import Reduction, reduce_precision, write_ort
from ..report import draw_front, write_report
from ..support.ledger import Ledger
from ..support.progress import Progress
from ..targets import Target
from ..targets.audit import Audit, audit

PLAIN = {"dcn.plain", "dcn.folded", "dcn.calibrated", "dcn.distilled", "fitted"}
PLAIN_OPERATORS = {"Conv", "ConvTranspose", "Relu", "Add", "Concat", "MaxPool"}


def run(config: Config) -> None:
    """Write the bundle into ``config.out``.

    Raises:
        InputError: the input is at fault, or the exported graph does not compute what the operated
            network computes; ``config.out`` is as it was before.
    """
    require_known(config)
    if config.model["name"] == "onnx":  # a graph that was found: there is no network in torch
        if config.surgery.precision != "fp32":
            raise InputError(
                f"surgery.precision={config.surgery.precision} expects a network of the catalogue; "
                "for model=onnx there is fp32"
            )
        run_found(config)
        return
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    progress = Progress()
    target = Target.from_config(config.target)
    surgery = config.surgery
    strategy = choose(surgery.dcn, target, surgery.exporter, surgery.opset, surgery.rewrites)
    with staging(config.out) as stage:
        patient = admit(config, progress)
        if surgery.decode == "inside":
            require_writer(str(patient.model.decoder["name"]))
        patient, strategy = prepared(patient, strategy, target, progress)
        model, ledger = patient.model, Ledger()
        with patient.operated(strategy.rewrites, strategy.opset, ledger):
            with progress.stage(f"run the operated network (dcn={strategy.name})"):
                operated = operated_runs(patient)
            graphs = _export(patient, strategy, ledger, progress)
        with progress.stage(f"audit for {target.name}"):
            if not (surgery.also_passes or surgery.rewrites):  # which bring operators of their own
                _require_plain(audit(graphs["backbone"], target), strategy)
            graphs = _adapted(patient, graphs, target, ledger)
            audited = audit(graphs["backbone"], target)
        with progress.stage("compare strategies"):
            rows = compared(patient, strategy, operated, graphs["backbone"])
        with progress.stage("run the bundle in ONNX Runtime"):
            stages = _run_bundle(stage, patient, graphs, ledger)
        exported = parity(operated[0].heads, operated[0].instances, stages.heads, stages.instances)
        require(exported, surgery.exporter)
        proof = _proof(patient.untouched[0], operated[0], exported)
        fired = {entry.name for entry in ledger.fired() if entry.kind == "rewrite"}
        judged = verdict(rows, strategy, [name for name in surgery.rewrites if name in fired])
        if surgery.precision != "fp32":
            reduction = reduce_precision(patient, graphs, ledger, progress)
            graphs = dict(reduction.graphs)
            audited = audit(graphs["backbone"], target)
            before = stages
            with progress.stage(f"run the {surgery.precision} bundle in ONNX Runtime"):
                stages = _run_bundle(stage, patient, graphs, ledger)
            title, reduced = _reduced(before, stages, reduction)
            proof[title] = reduced.to_json(bounded=True)
            judged = reduction.judged(judged, reduced.beyond())
        if target.ort_format:
            with progress.stage("write the graphs in ONNX Runtime's own format"):
                write_ort(stage.folder, graphs, stages.input)
        further: dict[str, Any] = {}
        if surgery.decode == "inside":
            further = add_decoding(
                stage.folder,
                graphs["backbone"],
                model.decoder,
                stages.input,
                target,
                ledger,
                progress,
                proof,
            )
        document = {**manifest(model, graphs, ledger), **further}
        with progress.stage("write golden values, overlay and report"):
            stages.save(stage.folder / "golden.npz")
            told = {
                **facts(patient, strategy, target, audited, ledger),
                "strategies": rows,
                "parity": proof,
                "verdict": judged,
                "seconds": progress.seconds,
            }
            _write_pictures(stage, stages, told)
            stage.write({**document, "parity": proof})
        stage.publish()
    for line in summary(config, audited, exported, told, ledger):
        progress.say(line)


def _export(
    patient: Patient, strategy: Strategy, ledger: Ledger, progress: Progress
) -> dict[str, onnx.ModelProto]:
    graphs = {}
    for graph in patient.model.graphs:
        title = f"export {graph.name} ({patient.config.surgery.exporter}, opset {strategy.opset})"
        with progress.stage(title):
            graphs[graph.name] = export_graph(
                graph, patient.config, strategy, ledger, patient.samples[0].tensor
            )
    return graphs


def _adapted(
    patient: Patient, graphs: dict[str, onnx.ModelProto], target: Target, ledger: Ledger
) -> dict[str, onnx.ModelProto]:
    """The graphs as the target takes them, as far as exact passes do it."""
    surgery, image = patient.config.surgery, patient.samples[0].tensor
    return {
        graph.name: adapt(
            graphs[graph.name],
            target,
            check=PassParity(feeds(graph, patient.config, image)),
            ledger=ledger,
            skip=surgery.skip_passes,
            safe=bool(surgery.safe),
        )
        for graph in patient.model.graphs
    }


def _run_bundle(
    stage: Staging, patient: Patient, graphs: dict[str, onnx.ModelProto], ledger: Ledger
) -> Stages:
    """Write the graphs and run them as they will be run, on the first picture."""
    # nodes of plugins that ONNX Runtime lacks are run as the operators that they equal
    _write(stage, {name: standard(graph) for name, graph in graphs.items()}, ledger)
    stage.write(manifest(patient.model, graphs, ledger))
    runtime = postprocess.load(stage.folder, threads=patient.config.threads)
    stages = runtime.run_stages(patient.samples[0].image)
    _write(stage, graphs, ledger)
    return stages


def _reduced(before: Stages, after: Stages, reduction: Reduction) -> tuple[str, Parity]:
    """The bundle in float32 against the one that ships, both in ONNX Runtime."""
    found = parity(
        before.heads, before.instances, after.heads, after.instances, reduction.bound.rounding
    )
    return f"ONNX Runtime in float32, in {reduction.precision}", found


def _write(stage: Staging, graphs: dict[str, onnx.ModelProto], ledger: Ledger) -> None:
    for name, graph in graphs.items():
        write_graph(graph, stage.folder / f"{name}.onnx", ledger)


def _require_plain(audited: Audit, strategy: Strategy) -> None:
    """Plain convolutions were asked for, so nothing else may be left of the deformable ones.

    Raises:
        InputError: the backbone holds another operator; names it.
    """
    if strategy.rewrites and set(strategy.rewrites.values()) <= PLAIN:
        foreign = set(audited.histogram) - PLAIN_OPERATORS
        if foreign:
            raise InputError(
                f"surgery.dcn={strategy.name} leaves {', '.join(sorted(foreign))} in the backbone, "
                f"expected only {', '.join(sorted(PLAIN_OPERATORS))}: a layer was not recognised, "
                "or the network itself holds it"
            )


def _proof(untouched: Run, operated: Run, exported: Parity) -> dict[str, Any]:
    changed = parity(untouched.heads, untouched.instances, operated.heads, operated.instances)
    return {
        "torch original, torch operated": changed.to_json(),
        "torch operated, ONNX Runtime": exported.to_json(bounded=True),
    }


def _write_pictures(stage: Staging, stages: Stages, facts: dict[str, Any]) -> None:
    """Write the overlay, and the report that shows it."""
    good, encoded = cv2.imencode(".png", overlay(stages.image, stages.result))
    assert good
    pictures = {"What the bundle finds": encoded.tobytes()}
    (stage.folder / "overlay.png").write_bytes(pictures["What the bundle finds"])
    if facts["search"]:
        pictures["What the search measured"] = draw_front(facts["search"])
    write_report(stage.folder, facts, pictures)
