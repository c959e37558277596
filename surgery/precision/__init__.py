"""Reduced precision of the exported graphs, and ONNX Runtime's own file format."""

from ..export.ort_format import write_ort
from .reduce import Reduction, reduce_precision

__all__ = ["Reduction", "reduce_precision", "write_ort"]
