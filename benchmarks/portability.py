"""Where the graphs run: originals and operated graphs in every run time that is installed.

    python -m benchmarks.portability [NETWORK ...] [--runtimes NAME ...] [--again]

Every graph is opened and run in a child process (surgery/targets/trial.py), so that a run time
that crashes is a row like any other. Rows go to docs/figures/portability.json one by one, a
killed run goes on where it was, and docs/portability.md is written from all of them. Graphs of
ours are exported to build/portability; those that somebody else exported are read from
../shared/reference (SURGERY_REFERENCE) and left out where they are not there.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from postprocess.errors import InputError
from surgery.config.run import Config, from_mapping
from surgery.graph.files import load_onnx
from surgery.graph.run import random_feeds
from surgery.support.child import StepError
from surgery.support.versions import versions
from surgery.targets.audit import audits
from surgery.targets.registry import load_target, target_names
from surgery.targets.runtimes import RUNTIMES
from surgery.targets.runtimes.litert import LITERT
from surgery.targets.trial import REFERENCE, attempt

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "portability"
FIGURES = ROOT / "docs" / "figures" / "portability.json"
PAGE = ROOT / "docs" / "portability.md"
FOUND = Path(os.environ.get("SURGERY_REFERENCE", ROOT.parent / "shared" / "reference"))
RUNS, THREADS, SEED = 20, 1, 0


@dataclass(frozen=True)
class Graph:
    """A graph to try: a found file, or what an export with ``overrides`` writes."""

    network: str
    kind: str
    file: str = ""
    overrides: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Key of its rows."""
        return f"{self.network}, {self.kind}"

    def _out(self) -> Path:
        return BUILD / re.sub(r"\W+", "-", self.name).strip("-")

    def known(self) -> Path | None:
        """The ONNX file, None where it is not here yet."""
        path = FOUND / self.file if self.file else self._out() / "backbone.onnx"
        return path if path.is_file() else None

    def path(self) -> Path | None:
        """The ONNX file, exported if need be; None where the found one is not here."""
        if not self.file and self.known() is None:
            from surgery.tasks.export import run as export  # torch, for graphs to export alone

            overrides = (override.format(found=FOUND) for override in self.overrides)
            export(configuration(*overrides, f"out={self._out()}"))
        return self.known()


NATIVE, PLAIN = "original (DeformConv)", "operated (convolutions)"
GRAPHS = (
    Graph("e2ec", NATIVE, overrides=("model=e2ec", "surgery.dcn=native")),
    Graph("e2ec", "operated (GridSample)", overrides=("model=e2ec", "surgery.dcn=decomposed")),
    Graph("e2ec", PLAIN, overrides=("model=e2ec", "surgery.dcn=folded")),
    Graph("snake", NATIVE, overrides=("model=snake", "surgery.dcn=native")),
    Graph("snake", PLAIN, overrides=("model=snake", "surgery.dcn=folded")),
    Graph("tinypose", "original (paddle2onnx)", file="tinypose/tinypose_128x96.onnx"),
    Graph(
        "tinypose",
        "operated",
        overrides=("model=tinypose", "checkpoint={found}/tinypose/tinypose_128x96.param"),
    ),
    Graph(
        "tinypose",
        "operated (paddle2onnx)",
        overrides=(
            "model=onnx",
            "model.path={found}/tinypose/tinypose_128x96.onnx",
            "model.decoder={{name: keypoints, heatmap: conv2d_441.tmp_1, stride: 4}}",
            "model.input={{scale: 0.00392156862745098, mean: [0.485,0.456,0.406], "
            "std: [0.229,0.224,0.225], resize: stretch}}",
        ),
    ),
    Graph("movenet", "original (tf2onnx)", file="movenet/movenet_lightning.onnx"),
    Graph(
        "movenet",
        "operated",
        overrides=("model=movenet", "model.path={found}/movenet/movenet_lightning.onnx"),
    ),
)


def configuration(*overrides: str) -> Config:
    """A configuration as the command line composes it."""
    from hydra import compose, initialize_config_dir
    from omegaconf import OmegaConf

    with initialize_config_dir(str(ROOT / "configs"), version_base="1.3"):
        shorts = [o.replace("surgery.dcn=", "surgery.dcn.name=") for o in overrides]
        node = OmegaConf.to_container(compose("config", overrides=shorts), resolve=True)
    assert isinstance(node, dict)
    return from_mapping({str(key): value for key, value in node.items()})


def measure(name: str, path: Path) -> dict[str, Any]:
    """A row: what came of ``path`` in the run time ``name``."""
    runtime = f"{name} {RUNTIMES.get(name).version()}"
    if name == LITERT.name:
        runtime += f" through {LITERT.translator()}"
    try:
        feeds = random_feeds(load_onnx(path), seed=SEED)
        trial = attempt(name, path, feeds, threads=THREADS, runs=RUNS)
    except StepError as error:
        return {"runtime": runtime, "runs": False, "cause": error.cause, "signal": error.signal}
    return {
        "runtime": runtime,
        "runs": True,
        "difference": trial.difference,
        "relative": trial.relative,
        "ratio": trial.ratio,
        "ms": 1e3 * trial.seconds,
    }


def page(rows: Mapping[str, Mapping[str, Mapping[str, Any]]], machine: str) -> str:
    """docs/portability.md."""
    names = [name for name in RUNTIMES.names() if any(name in row for row in rows.values())]
    names = [REFERENCE, *(name for name in names if name != REFERENCE)]
    causes: list[str] = []
    lines = [
        "# Where the graphs run",
        "",
        "Written by `python -m benchmarks.portability`. Every graph is opened and run in a child",
        "process, on seeded random input. A cell says how far its outputs are from ONNX Runtime's",
        "on the same graph, relative to an output's largest value, and the time of a run against",
        "ONNX Runtime's, taken in turn in one process. [n] marks a graph that did not run: its",
        "cause is below the table. How to install the run times: [targets.md](targets.md).",
        "",
        "| graph | " + " | ".join(names) + " |",
        "| --- |" + " --- |" * len(names),
    ]
    for graph in GRAPHS:
        row = rows.get(graph.name)
        if row:
            cells = [_cell(row.get(name), causes) for name in names]
            lines.append(f"| {graph.name} | " + " | ".join(cells) + " |")
    lines += ["", *(f"{number}. {cause}" for number, cause in enumerate(causes, 1))]
    lines += ["", *_audited()]
    used = sorted({str(cell["runtime"]) for row in rows.values() for cell in row.values()})
    lines += ["", f"{', '.join(used)}; {THREADS} thread, {machine}."]
    return "\n".join(lines) + "\n"


def _audited() -> list[str]:
    """What the tables of configs/target say of the same graphs: a row a target."""
    graphs = [(graph.name, path) for graph in GRAPHS if (path := graph.known())]
    targets = [load_target(name) for name in target_names()]
    columns = [audits(path, targets) for _, path in graphs]
    lines = [
        "## What the audit says of them",
        "",
        "Nodes that each target runs, of all nodes, and the partitions that they form.",
        "",
        "| target | " + " | ".join(name for name, _ in graphs) + " |",
        "| --- |" + " --- |" * len(graphs),
    ]
    for target, row in zip(targets, zip(*columns, strict=True), strict=True):
        cells = [
            f"all {found.nodes}"
            if found.whole
            else f"{found.nodes - len(found.refused)}/{found.nodes} in {len(found.partitions)}"
            for found in row
        ]
        lines.append(f"| {target.name} | " + " | ".join(cells) + " |")
    return lines


def _cell(row: Mapping[str, Any] | None, causes: list[str]) -> str:
    if row is None:
        return ""
    if not row["runs"]:
        cause = f"{row['runtime'].partition(' ')[0]}: {_short(row['cause'])}"
        if cause not in causes:
            causes.append(cause)
        return f"no [{causes.index(cause) + 1}]"
    if row["relative"] != row["relative"]:
        return f"other shapes, {row['ratio']:.1f}x"
    return f"{row['relative']:.0e}, {row['ratio']:.1f}x"


def _short(cause: str) -> str:
    """A cause without the name of the file, which the table's row gives."""
    return cause.partition(".onnx: ")[2] or cause


def load_rows() -> dict[str, dict[str, dict[str, Any]]]:
    """Rows measured before, by graph and run time."""
    if not FIGURES.is_file():
        return {}
    rows: dict[str, dict[str, dict[str, Any]]] = json.loads(FIGURES.read_text())["rows"]
    return rows


def save(rows: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
    """Write the figures and the page."""
    tools = {key: value for key, value in versions().items() if key in ("onnx", "torch", "python")}
    machine = f"{platform.system()} {platform.machine()}, " + ", ".join(
        f"{name} {version}" for name, version in tools.items()
    )
    FIGURES.write_text(json.dumps({"machine": machine, "rows": rows}, indent=1) + "\n")
    PAGE.write_text(page(rows, machine))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    networks = sorted({graph.network for graph in GRAPHS})
    parser.add_argument("networks", nargs="*", default=networks, metavar="NETWORK")
    parser.add_argument("--runtimes", nargs="*", default=RUNTIMES.names())
    parser.add_argument("--page", action="store_true", help="measure nothing, write the page")
    parser.add_argument("--again", action="store_true", help="measure rows that are there too")
    args = parser.parse_args(arguments)
    rows = load_rows()
    for graph in GRAPHS:
        if args.page or graph.network not in args.networks:
            continue
        try:
            path = graph.path()
        except InputError as error:
            print(f"{graph.name}: not exported: {error}", flush=True)
            continue
        if path is None:
            print(f"{graph.name}: not here", flush=True)
            continue
        row = rows.setdefault(graph.name, {})
        for name in args.runtimes:
            if RUNTIMES.get(name).version() is None or (name in row and not args.again):
                continue
            row[name] = measure(name, path)
            print(f"{graph.name}, {name}: {json.dumps(row[name])}", flush=True)
            save(rows)
    if rows:
        save(rows)


if __name__ == "__main__":
    main()
