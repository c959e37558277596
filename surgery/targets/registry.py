"""The targets by name: ours, and those that other packages register as ``surgery.targets``.

A member of that entry-point group is data: the path of a YAML file laid out like those in
``configs/target``, or what such a file holds as a mapping. Ours are the files of that folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError  # type: ignore[import-untyped]

from postprocess.errors import InputError
from postprocess.registry import Registry, suggestion

from .target import Target

FOLDER = Path(__file__).resolve().parent.parent.parent / "configs" / "target"
ALL = "all"


def shipped_names() -> list[str]:
    """Names of this project's targets, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml") if path.stem != ALL)


def read_target(source: object) -> dict[str, Any]:
    """Return a target's data from a member of the group.

    Raises:
        InputError: the file cannot be read, or holds no mapping.
    """
    if isinstance(source, Mapping):
        return {str(key): value for key, value in source.items()}
    if not isinstance(source, (str, Path)):
        raise InputError(f"expected a mapping or a path, got {type(source).__name__}")
    try:
        values = OmegaConf.to_container(OmegaConf.load(source), resolve=True)
    except (OSError, YAMLError, OmegaConfBaseException) as error:
        raise InputError(f"{source}: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise InputError(f"{source}: expected a mapping")
    return {str(key): value for key, value in values.items()}


def _fault(name: str, member: object) -> str:
    """What is wrong with a member as the target ``name``, or ""."""
    if name in (*shipped_names(), ALL):
        return "a target of that name ships with model-surgery"
    try:
        target = Target.from_config(read_target(member))
    except InputError as error:
        return str(error)
    return "" if target.name == name else f"it calls itself {target.name!r}"


TARGETS: Registry[object] = Registry("surgery.targets", "target", fault=_fault)


def target_names() -> list[str]:
    """Names of all targets that can be loaded, sorted."""
    broken = TARGETS.problems()
    return sorted([*shipped_names(), *(name for name in TARGETS.names() if name not in broken)])


def load_target(name: str) -> Target:
    """Return a target.

    Raises:
        InputError: there is none of that name, or another package's is broken.
    """
    if name in shipped_names():
        return Target.from_config(read_target(FOLDER / f"{name}.yaml"))
    if name in TARGETS.names():
        return Target.from_config(read_target(TARGETS.get(name)))
    known = target_names()
    raise InputError(
        f"unknown target {name!r}{suggestion(name, known)} (there are: {', '.join(known)})"
    )
