"""What every strategy for deformable layers keeps of the demo network's mask AP, and in what time.

    python -m benchmarks.strategies [ROW ...] [--scenes 500] [--tables]

Every row goes through the main job into a bundle, which is evaluated in ONNX Runtime on held-back
drawn scenes (EVALUATION_SEED) that neither training nor any fit has seen. Rows are written to
docs/figures/strategies.json one by one, so that a killed run goes on; rows that are there for this
very network are not measured again. A row is named

    keep, plain, folded, native, decomposed, shifted          a rewrite, nothing fitted
    shipped                                                   distilled, the saved fit that ships
    calibrated3, calibrated5, calibrated0                     kernel; 0: spare multiply-adds spent
    calibrated3h0                                             no channels computed beside the input
    distilled3@5, distilled3h0@5                              kernel, minutes in all
    distilled3@15/pool1000, calibrated3/pool16                from a pool of so many drawn scenes
    distilled3@5/cells256                                     from scenes of the other domain

--tables writes the whole table between the markers in docs/strategies.md, its most telling rows
between those in README.md, and the curve of AP against fitting time to docs/figures/strategies.svg.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import torch

import postprocess
from surgery.config.run import Config, from_mapping
from surgery.fitting import Settings, state_hash
from surgery.measure.masks import drawn_dataset, evaluate
from surgery.network.load import load_model
from surgery.rewrites import REWRITES
from surgery.scenes import FITTING_SEED, draw
from surgery.support.versions import versions
from surgery.tasks.export import run as export

ROOT = Path(__file__).resolve().parent.parent
FIGURES = ROOT / "docs" / "figures"
GOALS = (
    *("keep", "plain", "folded", "native", "shifted", "shipped"),
    *("calibrated3h0", "calibrated5h0", "calibrated3"),
    *("distilled3h0@3", "distilled3@1", "distilled3@3", "distilled3@5", "distilled3@20"),
    *("distilled3@15/pool1000", "distilled3@5/pool1000", "distilled3@5/pool256"),
    *("distilled3@5/pool64", "distilled3@5/pool16"),
    *("calibrated3/pool16", "calibrated3/pool64", "calibrated3/cells256"),
    *("distilled3@5/cells1000", "distilled5@5"),
)
PROOF = ("native", "shifted", "shipped", "calibrated3", "folded", "plain")  # rows of the README's
FITTED = ("calibrated", "distilled")


@dataclass(frozen=True)
class Row:
    """A row's name taken apart; `images` is "fresh", "pool256" or "cells256"."""

    name: str
    strategy: str
    kernel: int = 3
    hidden: int | None = None
    minutes: float = 5.0
    images: str = "fresh"

    @classmethod
    def parse(cls, name: str) -> Row:
        """Take a row's name apart; SystemExit says what is wrong with it."""
        pattern = r"(calibrated|distilled)(\d)(?:h(\d+))?(?:@([\d.]+))?(?:/((?:pool|cells)\d+))?"
        if name == "shipped":
            return cls(name, "distilled")
        found = re.fullmatch(pattern, name)
        if found:
            strategy, kernel, hidden, minutes, images = found.groups()
            wide = None if hidden is None else int(hidden)
            return cls(name, strategy, int(kernel), wide, float(minutes or 5), images or "fresh")
        if f"dcn.{name}" not in REWRITES.names():
            raise SystemExit(f"unknown row {name!r}: see --help")
        return cls(name, name)


def draw_pool(row: Row, folder: Path) -> None:
    """Draw the images of a row that is fitted to a pool."""
    domain = "cells" if row.images.startswith("cells") else "shapes"
    for index in range(int(re.sub(r"\D", "", row.images))):
        image = draw(FITTING_SEED, index, domain=domain).image
        cv2.imwrite(str(folder / f"{index:05d}.png"), image)


def overrides(row: Row, folder: Path) -> list[str]:
    """The main job's overrides that make this row's bundle in ``folder``."""
    name = "distilled" if row.name == "shipped" else row.strategy
    said = [f"surgery.dcn={name}", "target=onnxruntime", "surgery.compare=[]", "surgery.pictures=1"]
    if row.strategy in FITTED and row.name != "shipped":
        said += [f"surgery.fit.kernel={row.kernel}", f"surgery.fit.minutes={row.minutes}"]
        said += ["surgery.fit.again=true", "surgery.fit.save=false"]
        if row.hidden is not None:
            said.append(f"surgery.fit.hidden={row.hidden}")
        if row.images != "fresh":
            images = folder / "images"
            images.mkdir()
            draw_pool(row, images)
            said += [f"surgery.calibration.images={images}"]
    return [*said, f"out={folder / 'bundle'}"]


def measure(row: Row, scenes: int, checkpoint: Path | None) -> dict[str, Any]:
    """Export, evaluate, and say it in plain values."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        export(configuration(checkpoint, *overrides(row, folder)))
        figures = evaluate(postprocess.load(folder / "bundle"), drawn_dataset(scenes))
        report = json.loads((folder / "bundle" / "report.json").read_text())
    summary = report["fit"]["summary"]
    return {
        "row": row.name,
        **{name: round(figures[name], 4) for name in ("AP", "AP50", "AP75")},
        **{name: float(f"{value:.4g}") for name, value in summary.items()},
        "threads": torch.get_num_threads(),
        "versions": versions(),
    }


def load_rows(path: Path, network: str) -> dict[str, dict[str, Any]]:
    """Rows on disk that belong to this network, by name."""
    if not path.exists():
        return {}
    kept = json.loads(path.read_text())
    return {row["row"]: row for row in kept["rows"]} if kept["network"] == network else {}


def save_rows(path: Path, network: str, scenes: int, rows: Mapping[str, dict[str, Any]]) -> None:
    """Write all rows beside their place, then move them there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    value = {"network": network, "scenes": scenes}
    temporary.write_text(json.dumps({**value, "rows": list(rows.values())}, indent=1) + "\n")
    os.replace(temporary, path)


def table(rows: Mapping[str, dict[str, Any]]) -> str:
    """Markdown: a line a row, AP also as a share of the untouched network's."""
    keep = rows["keep"]["AP"]
    lines = [
        "| strategy | images | AP | of keep | AP50 | fitting |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name in sorted(rows, key=lambda name: GOALS.index(name) if name in GOALS else len(GOALS)):
        measured, row = rows[name], Row.parse(name)
        fitted = row.strategy in FITTED or row.name == "shipped"
        label = f"{row.strategy}, {_size(row)}" if fitted else row.strategy
        images = row.images if fitted else ""
        took = f"{measured['seconds'] / 60:.1f} min" if fitted else ""
        if row.name == "shipped":
            label = f"{label} (ships)"
        lines.append(
            f"| {label} | {images} | {measured['AP']:.3f} | {measured['AP'] / keep:.1%} "
            f"| {measured['AP50']:.3f} | {took} |"
        )
    used = sorted({_machine(measured) for measured in rows.values()})
    return "\n".join([*lines, "", " ".join(used)])


def _size(row: Row) -> str:
    """What one layer becomes, in words."""
    size = f"{row.kernel}x{row.kernel}" if row.kernel else "mixed sizes"
    channels = Settings.hidden if row.hidden is None else row.hidden
    return f"{size} over {channels} more channels" if channels else f"{size} alone"


def _machine(measured: Mapping[str, Any]) -> str:
    """Where a row was measured, and with what."""
    used = measured["versions"]
    packages = ", ".join(f"{name} {used[name]}" for name in ("torch", "onnx", "onnxruntime"))
    return f"{measured['threads']} thread(s), {used['machine']}, {packages}."


def proof(rows: Mapping[str, dict[str, Any]]) -> str:
    """Markdown for a first look: what takes a layer's place, and the AP that is left."""
    untouched = rows["keep"]["AP"]
    lines = [
        "| `surgery.dcn=` | what takes the layer's place | mask AP | kept |",
        "| --- | --- | --- | --- |",
        f"| | nothing: the network as trained | {untouched:.3f} | |",
    ]
    for name in PROOF:
        if name not in rows:
            continue
        row, average = Row.parse(name), rows[name]["AP"]
        summary = REWRITES.get(f"dcn.{row.strategy}").summary
        share = f"{average / untouched:.1%}"
        lines.append(f"| `{row.strategy}` | {summary} | {average:.3f} | {share} |")
    return "\n".join(lines)


def _between(text: str, found: re.Match[str]) -> str:
    return f"{found[1]}{text}\n{found[2]}"


def write_tables(rows: Mapping[str, dict[str, Any]]) -> None:
    """Put each table between its markers."""
    for marker, text, page in (
        ("proof", proof(rows), ROOT / "README.md"),
        ("strategies", table(rows), ROOT / "docs" / "strategies.md"),
    ):
        marked = re.compile(rf"(<!-- table:{marker} -->\n).*?(<!-- /table:{marker} -->)", re.DOTALL)
        found = page.read_text()
        page.write_text(marked.sub(partial(_between, text), found))


def draw_curve(rows: Mapping[str, dict[str, Any]], path: Path) -> None:
    """AP kept against fitting time, a line for each kernel and source of images."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    keep = rows["keep"]["AP"]
    series: dict[str, list[tuple[float, float]]] = {}
    for name, measured in rows.items():
        row = Row.parse(name)
        if row.strategy in FITTED and row.name != "shipped":
            label = f"{row.strategy}, {_size(row)}, {row.images}"
            point = (measured["seconds"] / 60, 100 * measured["AP"] / keep)
            series.setdefault(label, []).append(point)
    for label, points in series.items():
        axes.plot(*zip(*sorted(points), strict=True), marker="o", label=label)
    axes.axhline(100, color="grey", linewidth=0.8)
    axes.set(xscale="log", xlabel="minutes of fitting, 2 cores", ylabel="% of mask AP kept")
    axes.legend(fontsize="small")
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", nargs="*", default=GOALS, metavar="ROW")
    parser.add_argument("--scenes", type=int, default=500, help="held-back scenes")
    parser.add_argument("--checkpoint", type=Path, help="default: the weights that ship")
    parser.add_argument("--json", type=Path, default=FIGURES / "strategies.json")
    parser.add_argument("--again", action="store_true", help="measure rows that are there too")
    parser.add_argument("--tables", action="store_true", help="write tables and the curve")
    args = parser.parse_args()
    rows_wanted = [Row.parse(name) for name in args.rows]
    network = state_hash(load_model(configuration(args.checkpoint)).module)
    rows = load_rows(args.json, network)
    for row in rows_wanted:
        if args.again or row.name not in rows:
            rows[row.name] = measure(row, args.scenes, args.checkpoint)
            save_rows(args.json, network, args.scenes, rows)
        print(json.dumps(rows[row.name]), flush=True)
    if args.tables:
        write_tables(rows)
        if any(Row.parse(name).strategy in FITTED for name in rows):
            draw_curve(rows, args.json.with_suffix(".svg"))


def configuration(checkpoint: Path | None, *more: str) -> Config:
    """The demo network's configuration, as the command line composes it."""
    from hydra import compose, initialize_config_dir
    from omegaconf import OmegaConf

    with initialize_config_dir(str(ROOT / "configs"), version_base="1.3"):
        overrides = ["model=e2ec", *more] + ([f"checkpoint={checkpoint}"] if checkpoint else [])
        node = OmegaConf.to_container(compose("config", overrides=overrides), resolve=True)
    assert isinstance(node, dict)
    return from_mapping({str(key): value for key, value in node.items()})


if __name__ == "__main__":
    main()
