"""Whether the verdict's estimate, made without labels, ranks networks as labelled AP does.

    python -m benchmarks.verdict [ROW ...] [--scenes 400] [--tables]

Rows are those of benchmarks.strategies. Each goes through the main job into a bundle; on drawn
scenes that no fit has seen the bundle is held against the untouched network's own detections
(surgery.measure.retention), and on held-back scenes against their labels. --tables writes the
table and the rank correlation between the markers in docs/strategies.md.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import postprocess
from benchmarks.strategies import FIGURES, ROOT, Row, _between, configuration, overrides
from surgery.measure.masks import drawn_dataset, evaluate
from surgery.measure.retention import retention
from surgery.network.load import load_model
from surgery.network.pictures import JUDGE_SEED
from surgery.network.run import run_torch
from surgery.scenes import draw
from surgery.support.versions import versions
from surgery.tasks.export import run as export

PICTURES = (4, 16, 64)
ROWS = (
    *("keep", "native", "shifted", "shipped", "plain", "folded"),
    *("calibrated3", "calibrated3h0", "calibrated5h0", "calibrated3/pool16", "calibrated3/pool64"),
    *("calibrated3/cells256", "distilled3@0.5", "distilled3@1", "distilled3h0@1"),
    *("distilled3@2", "distilled3@2/pool16", "distilled3@3"),
)


def measure(row: Row, scenes: int) -> dict[str, Any]:
    """Labelled AP and the estimate from 4, 16 and 64 pictures."""
    plain = configuration(None)
    model, preprocess = load_model(plain), plain.input.preprocess
    images = [draw(JUDGE_SEED, index).image for index in range(max(PICTURES))]
    before = [run_torch(model, preprocess(image)[0]).instances for image in images]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        export(configuration(None, *overrides(row, folder)))
        runtime = postprocess.load(folder / "bundle")
        after = [runtime.run_stages(image).instances for image in images]
        labelled = evaluate(runtime, drawn_dataset(scenes))["AP"]
    sides = [image.shape[:2] for image in images]
    found = {n: retention(before[:n], after[:n], sides[:n], resampled=200) for n in PICTURES}
    return {
        "row": row.name,
        "AP": labelled,
        **{str(n): [each.kept, each.low, each.high] for n, each in found.items()},
    }


def spearman(a: Sequence[float], b: Sequence[float]) -> float:
    """Rank correlation; equal values share the mean of their ranks."""
    ranks = []
    for values in (a, b):
        array = np.asarray(values)
        ranks.append((array[:, None] > array).sum(1) + (array[:, None] == array).sum(1) / 2)
    return float(np.corrcoef(*ranks)[0, 1])


def table(figures: Mapping[str, Any]) -> str:
    """Markdown: a line a row, the best first, and the correlations."""
    rows = sorted(figures["rows"].values(), key=lambda row: -row["AP"])
    keep = figures["rows"]["keep"]["AP"]
    lines = [
        "| network | labelled AP kept | estimate, 4 pictures | 16 pictures | 64 pictures |",
        "| --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        found = [row[str(n)] for n in PICTURES]
        cells = [f"{kept:.2f} ({low:.2f} to {high:.2f})" for kept, low, high in found]
        lines.append(f"| {row['row']} | {row['AP'] / keep:.1%} | {' | '.join(cells)} |")
    real = [row["AP"] for row in rows]
    said = ", ".join(
        f"{spearman(real, [row[str(n)][0] for row in rows]):.3f} from {n} pictures"
        for n in PICTURES
    )
    used = figures["versions"]
    packages = ", ".join(f"{name} {used[name]}" for name in ("torch", "onnxruntime"))
    foot = f"{figures['scenes']} labelled scenes, {used['machine']}, {packages}."
    return "\n".join([*lines, "", f"Spearman's rank correlation: {said}. {foot}"])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", nargs="*", default=ROWS, metavar="ROW")
    parser.add_argument("--scenes", type=int, default=400, help="held-back scenes")
    parser.add_argument("--json", type=Path, default=FIGURES / "verdict.json")
    parser.add_argument("--again", action="store_true", help="measure rows that are there too")
    parser.add_argument("--tables", action="store_true", help="write the table into docs")
    args = parser.parse_args()
    kept = json.loads(args.json.read_text())["rows"] if args.json.exists() else {}
    for name in args.rows:
        if args.again or name not in kept:
            kept[name] = measure(Row.parse(name), args.scenes)
        figures = {"scenes": args.scenes, "versions": versions(), "rows": kept}
        args.json.write_text(json.dumps(figures, indent=1) + "\n")
    print(table(figures))
    if args.tables:
        page = ROOT / "docs" / "strategies.md"
        marked = re.compile(r"(<!-- table:verdict -->\n).*?(<!-- /table:verdict -->)", re.DOTALL)
        page.write_text(marked.sub(partial(_between, table(figures)), page.read_text()))


if __name__ == "__main__":
    main()
