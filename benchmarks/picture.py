"""Draw docs/images/before_after.png: the demo network as published, without its offsets, operated.

    python -m benchmarks.picture [--bundles FOLDER]

Three runs of the main job on the same drawn scene, each bundle's own overlay, side by side. Bundles
that are in FOLDER already (native, plain, distilled) are taken as they are.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "images" / "before_after.png"
PANELS = {"native": "as trained", "plain": "offsets dropped", "distilled": "operated"}


def bundle(folder: Path, strategy: str) -> Path:
    """The bundle of one strategy, written where it is not there yet."""
    out = folder / strategy
    if not (out / "bundle.json").exists():
        said = [f"surgery.dcn={strategy}", "surgery.compare=[]", "surgery.pictures=1", f"out={out}"]
        subprocess.run([sys.executable, "-m", "surgery", "model=e2ec", *said], check=True)
    return out


def operators(out: Path) -> str:
    """The convolutions of its backbone: "0 DeformConv, 73 Conv"."""
    counts: dict[str, int] = json.loads((out / "report.json").read_text())["audit"]["histogram"]
    return ", ".join(f"{counts.get(name, 0)} {name}" for name in ("DeformConv", "Conv"))


def draw(folder: Path) -> None:
    """Write the picture."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4.5), layout="constrained")
    for place, (strategy, title) in enumerate(PANELS.items(), 1):
        out = bundle(folder, strategy)
        image = cv2.imread(str(out / "overlay.png"))
        assert image is not None
        axes = figure.add_subplot(1, len(PANELS), place)
        axes.imshow(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
        axes.set_title(f"{title}: surgery.dcn={strategy}\n{operators(out)}", fontsize=11)
        axes.axis("off")
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(PICTURE, dpi=100, bbox_inches="tight")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bundles", type=Path, help="default: a folder that is thrown away")
    folder: Path | None = parser.parse_args().bundles
    if folder is not None:
        draw(folder)
        return
    with tempfile.TemporaryDirectory() as temporary:
        draw(Path(temporary))


if __name__ == "__main__":
    main()
