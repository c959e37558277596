"""Mish in Clip, Exp, Mul, Add and Div, or below opset 18 in Softplus, Tanh and Mul.

ONNX has Mish from opset 18 on. Below, ONNX's version converter, which the dynamo exporter needs,
ends with "No Previous Version of Mish exists": there ``mish`` is on by default. From 18 on the
exporter writes the node, which Core ML, NNAPI, QNN, WebGPU, WebNN and XNNPACK do not have, and
Softplus is not everywhere either: ``mish.decomposed`` needs neither.

Misra, "Mish" (2019), equation 1: x * tanh(softplus(x)), softplus(x) = ln(1 + e^x). With e = e^x
and n = e (e + 2), tanh(ln(1 + e)) = n / (n + 2). Beyond x = 20, n / (n + 2) is 1 in float32, and
below -80 the product is smaller than 1e-32, so x is clipped to that range for e, which keeps n
finite. The same to float rounding.
"""

from __future__ import annotations

from dataclasses import dataclass

from .base import Nodes, Value


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


@dataclass(frozen=True)
class _Decomposed:
    name: str = "mish.decomposed"
    summary: str = "Mish without Mish and Softplus"
    operators: tuple[str, ...] = ("aten::mish",)
    arguments: tuple[str, ...] = ("v",)
    opsets: range = range(11, 24)
    exact: bool = True

    def translate(self, nodes: Nodes, x: Value) -> Value:
        """Return x * n / (n + 2) with n = e^x (e^x + 2)."""
        op, two = nodes.op, nodes.constant(2.0, x)
        power = op("Exp", op("Clip", x, nodes.constant(-80.0, x), nodes.constant(20.0, x)))
        n = op("Mul", power, op("Add", power, two))
        return op("Mul", x, op("Div", n, op("Add", n, two)))


MISH = _Mish()
DECOMPOSED = _Decomposed()
