"""``--help``: usage, examples, what can be chosen, and the settings with their own comments.

Written from the files of ``configs`` without Hydra, which takes half a second to say less. With
settings beside it (``task=audit --help``), Hydra shows what they compose to.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import yaml  # type: ignore[import-untyped]

from .plugin_folders import folders

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
HIDDEN = "hydra:"  # where the settings of the root end, and Hydra's own begin


def text() -> str:
    """What ``python -m surgery --help`` prints."""
    root = (CONFIGS / "config.yaml").read_text()
    own = yaml.safe_load(root)["hydra"]["help"]
    examples = own["template"].partition("Examples:")[2].partition("Groups")[0]
    groups = "\n".join(f"{name}: {', '.join(found)}" for name, found in _groups())
    shared = root.partition("\n\n")[2].partition(f"\n{HIDDEN}")[0]
    surgery = (CONFIGS / "surgery" / "default.yaml").read_text().partition("\n")[2]
    indented = "\n".join(f"  {line}".rstrip() for line in surgery.splitlines())
    return (
        f"{own['header']}\nExamples:{examples}Groups (choose with group=name):\n{groups}\n\n"
        f"Settings:\n{shared}\nsurgery:\n{indented}\n\n"
        f"task=NAME --help and model=NAME --help show the settings of one. {own['footer']}"
    )


def _groups() -> Iterator[tuple[str, list[str]]]:
    """Group names and what can be chosen there, other packages' included."""
    for folder in sorted(path for path in CONFIGS.iterdir() if path.is_dir()):
        places = [folder, *(root / folder.name for root in folders())]
        names = {path.stem for place in places for path in place.glob("*.yaml")}
        if folder.name == "target":
            names |= set(entry_points(group="surgery.targets").names)
        if chosen := sorted(name for name in names if not name.startswith("_")):
            yield folder.name, chosen
