"""Activations that ONNX has as one node in newer opsets only, written in older operators.

HardSwish (ONNX from opset 14; Howard et al., "Searching for MobileNetV3", 2019, section 5.2):
    x * HardSigmoid(x), HardSigmoid(x) = max(0, min(1, x / 6 + 1 / 2))
Mish (ONNX from opset 18; Misra, "Mish", 2019, equation 1):
    x * tanh(softplus(x))
"""

from __future__ import annotations

from dataclasses import dataclass

from .base import Nodes, Value


@dataclass(frozen=True)
class _HardSwish:
    name: str = "hardswish"
    summary: str = "HardSwish below opset 14 as HardSigmoid and Mul"
    operators: tuple[str, ...] = ("aten::hardswish",)
    arguments: tuple[str, ...] = ("v",)
    opsets: range = range(11, 14)
    exact: bool = True

    def translate(self, nodes: Nodes, x: Value) -> Value:
        """Return x * HardSigmoid(x)."""
        return nodes.op("Mul", x, nodes.op("HardSigmoid", x, alpha=1 / 6, beta=0.5))


@dataclass(frozen=True)
class _Mish:
    name: str = "mish"
    summary: str = "Mish below opset 18 as Softplus, Tanh and Mul"
    operators: tuple[str, ...] = ("aten::mish",)
    arguments: tuple[str, ...] = ("v",)
    opsets: range = range(11, 18)
    exact: bool = True

    def translate(self, nodes: Nodes, x: Value) -> Value:
        """Return x * tanh(softplus(x))."""
        return nodes.op("Mul", x, nodes.op("Tanh", nodes.op("Softplus", x)))


HARDSWISH = _HardSwish()
MISH = _Mish()
