"""From a torch module to ONNX: two exporters behind one function, and the symbolics they lack."""

from __future__ import annotations

from .export import export_onnx

__all__ = ["export_onnx"]
