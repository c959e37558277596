"""Which output of an operated network costs accuracy: heads exchanged with the untouched network.

    python -m benchmarks.exchange [--scenes 500] [--dcn distilled] [--tables]

Two bundles of the demo E2EC are made: `surgery.dcn=native`, which computes what the untouched
network computes, and `surgery.dcn=NAME`. On each held-back scene both backbones run, and the
decoder with the learned contour part reads every mixture of their outputs. --tables writes the
table between the markers in docs/strategies.md.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import itertools
import json
import re
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

import postprocess
from benchmarks.strategies import FIGURES, ROOT, _between, configuration
from surgery.measure.masks import contour_mask, drawn_dataset
from surgery.support.versions import versions
from surgery.tasks.export import run as export

IOUS = (0.50, 0.75, 0.85, 0.90)


def bundle(folder: Path, dcn: str) -> postprocess.Runtime:
    """Export the demo network with one strategy and load the bundle."""
    export(
        configuration(
            None,
            *(f"surgery.dcn={dcn}", "target=onnxruntime", "surgery.compare=[]"),
            *("surgery.pictures=1", f"out={folder}"),
        )
    )
    return postprocess.load(folder)


def average_precisions(coco: COCO, detections: list[dict[str, Any]]) -> dict[str, float]:
    """Mask AP over all IoUs, and at each of IOUS."""
    with contextlib.redirect_stdout(io.StringIO()):
        run = COCOeval(coco, coco.loadRes(detections), "segm")
        run.evaluate()
        run.accumulate()
    precision = run.eval["precision"][:, :, :, 0, -1]  # (IoU, recall, class), all areas, 100 found
    found = {"AP": float(precision[precision > -1].mean())}
    for iou in IOUS:
        level = precision[np.isclose(run.params.iouThrs, iou)]
        found[f"{iou:.2f}"] = float(level[level > -1].mean())
    return found


def measure(scenes: int, dcn: str) -> tuple[list[str], dict[str, dict[str, float]]]:
    """Output names, and AP of every mixture: a letter an output, T untouched, S operated."""
    dataset = drawn_dataset(scenes)
    ids = {each["name"]: each["id"] for each in dataset.coco.dataset["categories"]}
    with tempfile.TemporaryDirectory() as temporary:
        both = {"T": bundle(Path(temporary) / "t", "native")}
        both["S"] = bundle(Path(temporary) / "s", dcn)
        names = [port.name for port in both["T"].bundle.graphs["backbone"].outputs]
        mixtures = ["".join(letters) for letters in itertools.product("TS", repeat=len(names))]
        detections: dict[str, list[dict[str, Any]]] = {mixture: [] for mixture in mixtures}
        runtime = both["T"]
        for image_id, image in dataset.images():
            tensor, _ = runtime.preprocess(image)
            heads = {letter: each.heads(tensor) for letter, each in both.items()}
            for mixture in mixtures:
                mixed = {n: heads[of][n] for n, of in zip(names, mixture, strict=True)}
                found = runtime.decode(mixed, {})[0]
                assert found.contours is not None
                for score, label, contour in zip(
                    found.scores, found.classes, found.contours, strict=True
                ):
                    entry = {"image_id": image_id, "score": float(score)}
                    entry["category_id"] = ids[runtime.bundle.classes[label]]
                    entry["segmentation"] = contour_mask(contour, *image.shape[:2])
                    detections[mixture].append(entry)
    return names, {each: average_precisions(dataset.coco, detections[each]) for each in mixtures}


def table(figures: Mapping[str, Any]) -> str:
    """Markdown: a line a mixture."""
    rows, names = figures["rows"], figures["outputs"]
    whole = rows["T" * len(names)]["AP"]
    lines = [
        f"| {', '.join(names)} from | AP kept | mask AP at IoU {' / '.join(map(str, IOUS))} |",
        "| --- | --- | --- |",
    ]
    for mixture, row in sorted(rows.items(), key=lambda item: (item[0].count("S"), item[0])):
        levels = " / ".join(f"{row[f'{iou:.2f}']:.3f}" for iou in IOUS)
        lines.append(f"| {' '.join(mixture)} | {row['AP'] / whole:.1%} | {levels} |")
    used = figures["versions"]
    packages = ", ".join(f"{name} {used[name]}" for name in ("torch", "onnx", "onnxruntime"))
    said = f"T: untouched, S: `{figures['dcn']}`; {figures['scenes']} scenes, {used['machine']}"
    return "\n".join([*lines, "", f"{said}, {packages}."])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scenes", type=int, default=500, help="held-back scenes")
    parser.add_argument("--dcn", default="distilled", help="strategy of the operated network")
    parser.add_argument("--json", type=Path, default=FIGURES / "exchange.json")
    parser.add_argument("--tables", action="store_true", help="write the table into docs")
    args = parser.parse_args()
    outputs, rows = measure(args.scenes, args.dcn)
    figures = {"dcn": args.dcn, "scenes": args.scenes, "outputs": outputs, "rows": rows}
    figures["versions"] = versions()
    args.json.write_text(json.dumps(figures, indent=1) + "\n")
    print(table(figures))
    if args.tables:
        page = ROOT / "docs" / "strategies.md"
        marked = re.compile(r"(<!-- table:exchange -->\n).*?(<!-- /table:exchange -->)", re.DOTALL)
        page.write_text(marked.sub(partial(_between, table(figures)), page.read_text()))


if __name__ == "__main__":
    main()
