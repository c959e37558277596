"""From graphs to a published bundle: the part that all runs share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import onnx
from numpy.typing import NDArray

import postprocess
from postprocess.draw import overlay
from postprocess.runtime import Runtime
from postprocess.stages import Stages

from ..export.ort_format import write_ort
from ..graph.plugins import standard
from ..report import draw_front, write_report
from ..support.ledger import Ledger
from ..support.progress import Progress
from ..support.versions import versions
from ..targets import Target
from .bundle import Staging
from .decoded import add_decoding
from .graphs import describe_graph, write_graph

PICTURE, FRONT = "What the bundle finds", "What the search measured"


@dataclass(frozen=True)
class Staged:
    """A bundle in its staging folder, complete enough to be run.

    Attributes:
        graphs: by name, as they are written.
        description: the network and its decoder, as bundle.json describes them.
        runtime: the bundle, loaded.
        stages: of its run on the run's picture.
    """

    graphs: Mapping[str, onnx.ModelProto]
    description: Mapping[str, Any]
    runtime: Runtime
    stages: Stages


def run_bundle(
    stage: Staging,
    graphs: Mapping[str, onnx.ModelProto],
    description: Mapping[str, Any],
    image: NDArray[np.uint8],
    threads: int | None,
    ledger: Ledger,
) -> Staged:
    """Write the graphs and run them in ONNX Runtime as an application would.

    Nodes of plugins that ONNX Runtime lacks are run as the operators that they equal.

    Args:
        description: see :class:`Staged`.
        image: (h, w, 3) uint8, BGR.
    """
    _write(stage, {name: standard(graph) for name, graph in graphs.items()}, ledger)
    stage.write(_manifest(graphs, description, ledger))
    runtime = postprocess.load(stage.folder, threads=threads)
    stages = runtime.run_stages(image)
    _write(stage, graphs, ledger)
    return Staged(graphs, description, runtime, stages)


def finish(
    stage: Staging,
    staged: Staged,
    facts: Mapping[str, Any],
    target: Target,
    ledger: Ledger,
    progress: Progress,
    *,
    inside: bool,
) -> dict[str, Any]:
    """Add what the configuration asks for beside the graphs, write the report and publish.

    Args:
        facts: of report.json: all but the ledger, the seconds and the versions; with ``parity``,
            which bundle.json holds as well.
        inside: add a graph that decodes by itself (``surgery.decode=inside``).

    Returns:
        The report, as report.json holds it.

    Raises:
        InputError: ONNX Runtime's own format or the decoding cannot be written.
    """
    stages, parity, further = staged.stages, dict(facts["parity"]), dict[str, Any]()
    if target.ort_format:
        with progress.stage("write the graphs in ONNX Runtime's own format"):
            write_ort(stage.folder, staged.graphs, stages.input)
    if inside:
        backbone, decoder = staged.graphs["backbone"], staged.description["decoder"]
        further, decoded = add_decoding(
            stage.folder, backbone, decoder, stages.input, target, ledger, progress
        )
        parity |= decoded
    with progress.stage("write golden values, overlay and report"):
        stages.save(stage.folder / "golden.npz")
        report = {
            **facts,
            "parity": parity,
            "ledger": ledger.to_json(),
            "ledger_summary": ledger.summary(),
            "seconds": progress.seconds,
            "versions": versions(),
        }
        _write_pictures(stage, stages, report)
        manifest = _manifest(staged.graphs, staged.description, ledger)
        stage.write({**manifest, **further, "parity": parity})
    stage.publish()
    return report


def _manifest(
    graphs: Mapping[str, onnx.ModelProto], description: Mapping[str, Any], ledger: Ledger
) -> dict[str, Any]:
    """The content of bundle.json, parity figures and hashes of files aside."""
    return {
        "model": description["model"],
        "preprocess": description["preprocess"],
        "graphs": {name: describe_graph(graph, f"{name}.onnx") for name, graph in graphs.items()},
        "decoder": description["decoder"],
        "classes": description["classes"],
        "keypoints": description["keypoints"],
        "skeleton": description["skeleton"],
        "ledger": ledger.to_json(),
        "parity": {},
        "versions": versions(),
    }


def _write(stage: Staging, graphs: Mapping[str, onnx.ModelProto], ledger: Ledger) -> None:
    for name, graph in graphs.items():
        write_graph(graph, stage.folder / f"{name}.onnx", ledger)


def _write_pictures(stage: Staging, stages: Stages, report: Mapping[str, Any]) -> None:
    """Write the overlay, and the report that shows it."""
    good, encoded = cv2.imencode(".png", overlay(stages.image, stages.result))
    assert good
    pictures = {PICTURE: encoded.tobytes()}
    (stage.folder / "overlay.png").write_bytes(pictures[PICTURE])
    if report.get("search"):
        pictures[FRONT] = draw_front(report["search"])
    write_report(stage.folder, report, pictures)
