"""Write training/README.md's table of demo weights from what `publish` measured.

python -m training.tables
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOGS = ROOT / "training" / "logs"
DEMOS = {"e2ec": "e2ec_scenes", "snake": "snake_scenes", "tinypose": "tinypose_figures"}
MARKED = re.compile(r"(<!-- table:demos -->\n).*?(<!-- /table:demos -->)", re.DOTALL)


def measured(figures: dict[str, Any]) -> str:
    """What a network reaches, in words."""
    if "pck" in figures:
        return ", ".join(f"{name} {value:.3f}" for name, value in figures["pck"].items())
    last = list(figures["ap"].values())[-1]
    return f"mask AP {last['AP']:.3f}, AP50 {last['AP50']:.3f}"


def table() -> str:
    """Markdown: a line a network."""
    lines = [
        "| model | weights | trained on | held back | reaches |",
        "| --- | --- | --- | --- | --- |",
    ]
    for model, name in DEMOS.items():
        figures = json.loads((LOGS / f"{name}.evaluation.json").read_text())
        evaluation = figures["evaluation"]
        images = evaluation.get("scenes", evaluation.get("figures"))
        size = (ROOT / "models" / "weights" / f"{name}.safetensors").stat().st_size
        cells = (
            f"`{model}`",
            f"{size / 1e6:.1f} MB",
            f"{figures['trained_on']}, {figures['steps']:,} steps",
            f"{images} of seed {evaluation['seed']}",
            measured(figures),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Put the table between its markers."""
    page = ROOT / "training" / "README.md"
    text = page.read_text()
    page.write_text(MARKED.sub(lambda found: f"{found[1]}{table()}\n{found[2]}", text))


if __name__ == "__main__":
    main()
