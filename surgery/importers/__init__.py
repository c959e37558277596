"""Weights out of graphs that others exported, for networks that are built here."""

from __future__ import annotations

from .paddle2onnx import is_onnx, read_convolutions

__all__ = ["is_onnx", "read_convolutions"]
