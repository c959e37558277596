"""mmcv's compiled operators, where they are installed (optional extra `mmcv`)."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any


@cache
def find_mmcv_ops() -> Any | None:
    """The module `mmcv.ops`, or None where mmcv or its compiled part is missing."""
    try:
        return import_module("mmcv.ops")
    except (ImportError, OSError):
        return None
