"""Symbolics by name: ours, and those that other packages register.

Another package adds its own through the entry-point group ``surgery.symbolics``. Each is imported
when it is first asked for. Ours are on in every export; others where ``surgery.symbolics`` names
them, so that installing a package changes nobody's export.
"""

from __future__ import annotations

from postprocess.contracts import lacking
from postprocess.registry import Registry

from .base import Symbolic

SYMBOLICS: Registry[Symbolic] = Registry(
    "surgery.symbolics",
    "symbolic",
    own={
        "grid_sample": "surgery.symbolics.grid_sample:GRID_SAMPLE",
        "hardswish": "surgery.symbolics.activations:HARDSWISH",
        "mish": "surgery.symbolics.activations:MISH",
    },
    fault=lacking(Symbolic),
)
DEFAULT = ("grid_sample", "hardswish", "mish")
