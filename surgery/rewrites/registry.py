"""Rewrites by name: ours, and those that other packages register.

Ours are listed here, so that they are found in a checkout that nobody installed; another package
adds its own through the entry-point group ``surgery.rewrites``. Each is imported when it is first
asked for.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint

from postprocess.registry import Registry

from .base import Rewrite

GROUP = "surgery.rewrites"
OURS = {
    "dcn.keep": ".dcn.keep:KEEP",
    "dcn.plain": ".dcn.plain:PLAIN",
    "dcn.folded": ".dcn.folded:FOLDED",
    "dcn.native": ".dcn.native:NATIVE",
    "dcn.decomposed": ".dcn.decomposed:DECOMPOSED",
}


class _Rewrites(Registry[Rewrite]):
    def _found(self) -> dict[str, list[EntryPoint]]:
        found = super()._found()
        for name, place in OURS.items():
            ours = EntryPoint(name, f"{__package__}{place}", GROUP)
            others = [point for point in found.get(name, []) if point.value != ours.value]
            found[name] = [ours, *others]
        return found


REWRITES: Registry[Rewrite] = _Rewrites(GROUP, "rewrite")
