"""Reading and writing checkpoints; nothing here ever unpickles code."""

from __future__ import annotations

from .files import load_state
from .half import save_half
from .state import load_into

__all__ = ["load_into", "load_state", "save_half"]
