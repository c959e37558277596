"""The targets by name, read from ``configs/target``: for those who hold a graph against several."""

from __future__ import annotations

from pathlib import Path

from omegaconf import OmegaConf

from postprocess.errors import InputError
from postprocess.registry import suggestion

from .target import Target

FOLDER = Path(__file__).resolve().parent.parent.parent / "configs" / "target"
ALL = "all"


def target_names() -> list[str]:
    """Names of the shipped targets, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml") if path.stem != ALL)


def load_target(name: str) -> Target:
    """Return a shipped target.

    Raises:
        InputError: there is none of that name.
    """
    known = target_names()
    if name not in known:
        hint = suggestion(name, known)
        raise InputError(f"unknown target {name!r}{hint} (there are: {', '.join(known)})")
    values = OmegaConf.to_container(OmegaConf.load(FOLDER / f"{name}.yaml"), resolve=True)
    assert isinstance(values, dict)
    return Target.from_config({str(key): value for key, value in values.items()})
