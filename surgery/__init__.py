"""Model surgery: rewrite a network for deployment and measure what each cut cost.

Importing this package is light: torch and onnx are loaded when a name that needs them is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .fitting import fit
    from .rewrites.functions.patching import patching
    from .rewrites.operate import rewriting
    from .support.ledger import Entry, Ledger

__version__ = "0.1.0"
__all__ = ["Entry", "Ledger", "export_onnx", "fit", "patching", "rewriting"]

_HOMES = {
    "Entry": "support.ledger",
    "Ledger": "support.ledger",
    "export_onnx": "export",
    "fit": "fitting",
    "patching": "rewrites.functions.patching",
    "rewriting": "rewrites.operate",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
