"""Symbolics: an operator of torch written as ONNX nodes where the exporters have no form for it."""

from .base import Nodes, Symbolic, Value
from .registry import DEFAULT, SYMBOLICS

__all__ = ["DEFAULT", "SYMBOLICS", "Nodes", "Symbolic", "Value"]
