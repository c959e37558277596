"""Rewrites of live PyTorch modules and functions, undone when their context is left."""

from .base import Context, Match, Replacement, Rewrite
from .functions.base import FunctionPatch, Original, Patch, patch
from .functions.patching import patching
from .guard import Guard
from .measuring import Measuring, measured
from .modules import ModuleRewrite, rewrite
from .operate import rewriting
from .registry import REWRITES

__all__ = [
    "REWRITES",
    "Context",
    "FunctionPatch",
    "Guard",
    "Match",
    "Measuring",
    "ModuleRewrite",
    "Original",
    "Patch",
    "Replacement",
    "Rewrite",
    "measured",
    "patch",
    "patching",
    "rewrite",
    "rewriting",
]
