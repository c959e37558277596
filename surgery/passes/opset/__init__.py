"""From one opset of ``ai.onnx`` to another, with proof that the graph computes the same."""

from __future__ import annotations

from .convert import at_opset, proven

__all__ = ["at_opset", "proven"]
