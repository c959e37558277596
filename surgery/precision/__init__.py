"""Reduced precision of the exported graphs."""

from .reduce import Reduction, reduce_precision

__all__ = ["Reduction", "reduce_precision"]
