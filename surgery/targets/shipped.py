"""The targets by name, ours and other packages': for those who hold a graph against several."""

from __future__ import annotations

from postprocess.errors import InputError
from postprocess.registry import suggestion

from .registry import FOLDER, TARGETS, read_target, shipped_names
from .target import Target


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
