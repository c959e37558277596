"""``task=compare``: finished bundles side by side, and the same picture through all of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import onnx
from rich.console import Console
from rich.table import Table

import postprocess
from postprocess.draw import DRAWN_SCORE, overlay
from postprocess.errors import InputError, unwritable
from postprocess.fields import Field
from postprocess.images import write_atomically
from postprocess.reading import read_text
from postprocess.runtime import Runtime

from ..config.run import Config, wants_json
from ..measure.latency import benchmark
from ..network.pictures import load_image
from ..report.page import render
from ..support.versions import versions

Row = dict[str, Any]


def run(config: Config) -> None:
    """Print a table, a row for each of ``bundles``; write compare.html and compare.json to ``out``.

    Raises:
        InputError: fewer than two bundles, one twice, or one that cannot be read or run.
    """
    extra = Field(dict(config.extra), "configuration")
    names = [name.text() for name in extra["bundles"].elements()]
    runs, as_json = extra["runs"].integer(least=1), wants_json(config)
    if len(names) < 2 or len(set(names)) < len(names):
        raise extra["bundles"].error("two bundles or more, each once, as bundles=[A,B]")
    runtimes = {name: postprocess.load(name, threads=config.threads) for name in names}
    image, said = load_image(config.image, runtimes[names[0]].preprocess, config.seed)
    times = benchmark(runtimes, image, runs)
    rows: list[Row] = []
    pictures: dict[str, bytes] = {}
    for name, runtime in runtimes.items():
        result = runtime(image)
        seen = sum(item.score >= DRAWN_SCORE for item in result.instances)
        latency = {stage: value.median for stage, value in times[name].items()}
        rows.append({"bundle": name, **_facts(runtime), "instances": seen, "latency": latency})
        pictures[name] = cv2.imencode(".png", overlay(image, result))[1].tobytes()
    facts = {
        "image": said,
        "least_score": DRAWN_SCORE,
        "runs": runs,
        "threads": config.threads,
        "bundles": rows,
        "versions": versions(),
    }
    text = json.dumps(facts, indent=1)
    if as_json:
        print(text)
    else:
        Console().print(_table(rows, said))
    if config.out_given is not None:
        _write(config.out_given, text, render(facts, pictures, "compare.html.j2"))


def _facts(runtime: Runtime) -> Row:
    """What a bundle says of itself; None where it does not say."""
    info = runtime.bundle
    report = _report(info.folder)
    verdict, judged = report.get("verdict") or {}, report.get("judgement") or {}
    files = [info.folder / graph.file for graph in info.graphs.values()]
    operators = Counter(
        node.op_type
        for file in files
        for node in onnx.load(file, load_external_data=False).graph.node
    )
    model = info.document["model"]
    return {
        "model": model.get("variant") or info.name,
        "weights": model["weights"]["source"],
        "strategy": (report.get("strategy") or {}).get("name"),
        "target": report.get("target"),
        "grade": verdict.get("grade"),
        "verdict": verdict.get("text"),
        "kept": judged.get("kept"),
        "parity": _parity(info.document.get("parity") or {}),
        "bytes": sum(path.stat().st_size for path in _with_weights(files)),
        "operators": dict(operators.most_common()),
    }


def _with_weights(files: list[Path]) -> list[Path]:
    """The graphs and, where weights lie beside one, that file."""
    beside = (path.with_name(f"{path.name}.data") for path in files)
    return [*files, *(path for path in beside if path.is_file())]


def _report(folder: Path) -> Row:
    """report.json, or nothing where a bundle has none.

    Raises:
        InputError: it is no JSON object.
    """
    path = folder / "report.json"
    if not path.is_file():
        return {}
    try:
        found = json.loads(read_text(path))
    except ValueError as error:
        raise InputError(f"{path}: not JSON: {error}") from error
    return dict(Field(found, str(path)).mapping())


def _parity(parity: Row) -> Row:
    """Of each comparison of the run: instances matched, and the largest difference of an output."""
    return {
        title: {
            "matched": part["instances"]["matched"],
            "reference": part["instances"]["reference"],
            "max": max(output["max"] for output in part["outputs"].values()),
        }
        for title, part in parity.items()
    }


def _table(rows: list[Row], image: str) -> Table:
    table = Table("", title=f"bundles side by side; picture: {image}", title_justify="left")
    for row in rows:
        table.add_column(row["bundle"], overflow="fold")
    lines: dict[str, Callable[[Row], str]] = {
        "model": lambda row: row["model"],
        "strategy": lambda row: row["strategy"] or "-",
        "verdict": lambda row: row["grade"] or "-",
        "kept, average precision": lambda row: "-" if row["kept"] is None else f"{row['kept']:.3f}",
        "parity": lambda row: "\n".join(map(_said, row["parity"].items())) or "-",
        "graphs, MB": lambda row: f"{row['bytes'] / 1e6:.2f}",
        "operators": lambda row: ", ".join(f"{k} {v}" for k, v in row["operators"].items()),
        "instances in the picture": lambda row: str(row["instances"]),
    }
    for title, cell in lines.items():
        table.add_row(title, *(cell(row) for row in rows))
    for stage in rows[0]["latency"]:
        table.add_row(f"{stage}, ms", *(f"{row['latency'][stage]:.2f}" for row in rows))
    return table


def _said(part: tuple[str, Row]) -> str:
    title, found = part
    counts = f"{found['matched']} of {found['reference']} instances"
    return f"{title}: {counts}, largest difference {found['max']:.2g}"


def _write(out: Path, text: str, page: str) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        write_atomically(out / "compare.json", f"{text}\n".encode())
        write_atomically(out / "compare.html", page.encode())
    except OSError as error:
        raise InputError(f"out={out} cannot be written: {unwritable(error) or error}") from error
