"""Passes over an ONNX graph: each has its file, its reasons to decline, and a check behind it."""

from __future__ import annotations

from .base import Pass
from .check import Check
from .registry import DEFAULT_ORDER, PASSES
from .runner import run_passes

__all__ = ["DEFAULT_ORDER", "PASSES", "Check", "Pass", "run_passes"]
