"""``task=list``: every member of every plugin kind, where it comes from and whether it loads.

With ``model.path=FILE``, the tensors at which that ONNX file can be cut instead.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from postprocess.decoders.base import DECODERS
from postprocess.registry import Registry

from ..config.run import Config, wants_json
from ..export.symbolics import SYMBOLICS
from ..foreign.candidates import candidates
from ..foreign.listing import show
from ..foreign.source import Found
from ..network.contract import MODELS
from ..passes import PASSES
from ..rewrites.registry import REWRITES
from ..targets.registry import TARGETS, load_target, shipped_names, target_names
from .plugin_folders import FOLDERS, folders

CONFIGS = Path(__file__).resolve().parent.parent.parent / "configs"
GROUPS = ("model", "task", "target", "data")
REGISTRIES: tuple[Registry[object], ...] = (  # type: ignore[assignment]
    MODELS,
    REWRITES,
    SYMBOLICS,
    PASSES,
    DECODERS,
)


def configs(group: str) -> list[str]:
    """Names that can be chosen for a group of the configuration, other packages' included."""
    paths = [path for folder in (CONFIGS, *folders()) for path in (folder / group).glob("*.yaml")]
    names = {path.stem for path in paths if not path.stem.startswith("_")}
    return sorted(names | set(target_names()) if group == "target" else names)


def _rows(registry: Registry[object]) -> list[tuple[str, str, str, str]]:
    problems = registry.problems()
    rows = []
    for name in registry.names():
        summary = problems.get(name) or str(getattr(registry.get(name), "summary", ""))
        rows.append((registry.kind, name, registry.origin(name), summary))
    return rows


def _target_rows() -> list[tuple[str, str, str, str]]:
    """Targets are data: ours are files, and other packages' come through entry points."""
    rows = [
        (TARGETS.kind, name, "model-surgery", load_target(name).summary) for name in shipped_names()
    ]
    problems = TARGETS.problems()
    for name in TARGETS.names():
        summary = problems.get(name) or load_target(name).summary
        rows.append((TARGETS.kind, name, TARGETS.origin(name), summary))
    return rows


def run(config: Config) -> None:
    """Print the tables.

    Raises:
        InputError: ``model.path`` is not a usable ONNX file.
    """
    console = Console()
    if wants_json(config):
        print(json.dumps(_listed(config), indent=1))
        return
    if config.model.get("path") is not None:
        show(Path(str(config.model["path"])).expanduser(), console)
        return
    groups = Table("group", "choices", title="configuration", title_justify="left")
    for group in GROUPS:
        groups.add_row(f"{group}=", ", ".join(configs(group)))
    console.print(groups)
    members = Table("kind", "name", "from", "what it does", title="plugins", title_justify="left")
    for row in _members():
        members.add_row(*row)
    console.print(members)


def _members() -> list[tuple[str, str, str, str]]:
    """(kind, name, origin, summary) of every member of every plugin kind."""
    rows = [row for registry in REGISTRIES for row in _rows(registry)]
    return [*rows, *_target_rows(), *_rows(FOLDERS)]


def _listed(config: Config) -> dict[str, Any]:
    """What the tables hold, as JSON.

    Raises:
        InputError: ``model.path`` is not a usable ONNX file.
    """
    if config.model.get("path") is not None:
        found = candidates(Found(Path(str(config.model["path"])).expanduser()))
        return {"cuts": [asdict(each) for each in found]}
    keys = ("kind", "name", "origin", "summary")
    return {
        "choices": {group: configs(group) for group in GROUPS},
        "plugins": [dict(zip(keys, row, strict=True)) for row in _members()],
    }
