"""Passes by name: ours, those that other packages register, and the order in which they run.

Another package adds its own through the entry-point group ``surgery.passes``. Each is imported when
it is first asked for.
"""

from __future__ import annotations

from collections.abc import Sequence

from postprocess.contracts import lacking
from postprocess.registry import Registry

from .base import Pass

PASSES: Registry[Pass] = Registry(
    "surgery.passes",
    "pass",
    own={
        "initializers": "surgery.passes.initializers:INITIALIZERS",
        "fold": "surgery.passes.fold:FOLD",
        "slim": "surgery.passes.slim:SLIM",
        "deform": "surgery.passes.deform:DEFORM",
        "dead": "surgery.passes.dead:DEAD",
        "names": "surgery.passes.names:NAMES",
        "resize": "surgery.passes.resize:RESIZE",
        "transpose": "surgery.passes.transpose:TRANSPOSE",
    },
    fault=lacking(Pass),
)
# Those that work on layouts are for graphs that were found: ours are channels first already.
DEFAULT_ORDER = ("initializers", "fold", "slim", "deform", "dead", "names")


def order_with(also: Sequence[str]) -> tuple[str, ...]:
    """The default order with further passes in front of the last clean-up."""
    return (*DEFAULT_ORDER[:-2], *also, *DEFAULT_ORDER[-2:])
