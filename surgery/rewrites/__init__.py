"""Rewrites of live PyTorch modules, undone when their context is left."""

from .base import Context, Match, Replacement, Rewrite
from .operate import rewriting
from .registry import REWRITES

__all__ = ["REWRITES", "Context", "Match", "Replacement", "Rewrite", "rewriting"]
