"""``task=benchmark``: latency of a bundle by stage, and its ratio to another bundle's."""

from __future__ import annotations

import json
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

import postprocess
from postprocess.errors import InputError
from postprocess.fields import Field

from ..config.node import path_of
from ..config.run import Config, wants_json
from ..measure.latency import STAGES, Latency, benchmark
from ..network.pictures import load_image
from ..support.versions import versions


def _table(found: dict[str, dict[str, Latency]]) -> Table:
    table = Table("stage", title="milliseconds, median (95th percentile)")
    for name in found:
        table.add_column(name, justify="right")
    both = list(found.values())
    if len(both) == 2:
        table.add_column("ratio", justify="right")
    for stage in STAGES:
        cells = [f"{each[stage].median:.2f} ({each[stage].p95:.2f})" for each in both]
        if len(both) == 2:
            cells.append(f"{both[0][stage].median / both[1][stage].median:.3f}")
        table.add_row(stage, *cells)
    return table


def run(config: Config) -> None:
    """Print the table and write benchmark.json to ``out`` where one is named."""
    extra = Field(dict(config.extra), "configuration")
    runs, against = extra["runs"].integer(least=1), path_of(extra["against"])
    if config.bundle is None:
        raise InputError("task=benchmark needs bundle=DIR, a folder that task=export wrote")
    folders = [config.bundle, *([against] if against else [])]
    runtimes = {str(path): postprocess.load(path, threads=config.threads) for path in folders}
    image, _ = load_image(config.image, runtimes[str(config.bundle)].preprocess, config.seed)
    found = benchmark(runtimes, image, runs)
    stages = {name: {s: asdict(v) for s, v in each.items()} for name, each in found.items()}
    facts = {"runs": runs, "threads": config.threads, "ms": stages, "versions": versions()}
    if wants_json(config):
        print(json.dumps(facts, indent=1))
    else:
        Console().print(_table(found))
    if config.out_given is not None:
        config.out_given.mkdir(parents=True, exist_ok=True)
        (config.out_given / "benchmark.json").write_text(json.dumps(facts, indent=1) + "\n")
