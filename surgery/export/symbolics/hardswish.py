"""HardSwish in Add, Clip and Mul, or below opset 14 in HardSigmoid and Mul.

ONNX has HardSwish from opset 14 on. Below, ONNX's version converter, which the dynamo exporter
needs for opsets below 18, ends with "No Previous Version of HardSwish exists": there ``hardswish``
is on by default. From 14 on, both exporters write the node, which Core ML, NNAPI and XNNPACK do not
have: ``hardswish.decomposed`` writes it as their operators.

Howard et al., "Searching for MobileNetV3" (2019), section 5.2: x * relu6(x + 3) / 6. The same to
float rounding.
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
class _Decomposed:
    name: str = "hardswish.decomposed"
    summary: str = "HardSwish without HardSwish and HardSigmoid"
    operators: tuple[str, ...] = ("aten::hardswish",)
    arguments: tuple[str, ...] = ("v",)
    opsets: range = range(11, 24)
    exact: bool = True

    def translate(self, nodes: Nodes, x: Value) -> Value:
        """Return x * clip(x + 3, 0, 6) / 6."""
        op = nodes.op
        low, high = nodes.constant(0.0, x), nodes.constant(6.0, x)
        relu6 = op("Clip", op("Add", x, nodes.constant(3.0, x)), low, high)
        return op("Mul", x, op("Mul", relu6, nodes.constant(1 / 6, x)))


HARDSWISH = _HardSwish()
DECOMPOSED = _Decomposed()
