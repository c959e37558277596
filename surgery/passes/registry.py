"""Passes by name: ours, those that other packages register, and the order in which they run.

Ours are listed here, so that they are found in a checkout that nobody installed; another package
adds its own through the entry-point group ``surgery.passes``. Each is imported when it is first
asked for.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint

from postprocess.registry import Registry

from .base import Pass

GROUP = "surgery.passes"
OURS = {
    "initializers": ".initializers:INITIALIZERS",
    "fold": ".fold:FOLD",
    "slim": ".slim:SLIM",
    "dead": ".dead:DEAD",
    "names": ".names:NAMES",
}
DEFAULT_ORDER = ("initializers", "fold", "slim", "dead", "names")


class _Passes(Registry[Pass]):
    def _found(self) -> dict[str, list[EntryPoint]]:
        found = super()._found()
        for name, place in OURS.items():
            ours = EntryPoint(name, f"{__package__}{place}", GROUP)
            others = [point for point in found.get(name, []) if point.value != ours.value]
            found[name] = [ours, *others]
        return found


PASSES: Registry[Pass] = _Passes(GROUP, "pass")
