"""GELU in Abs, Mul, Add, Div, Neg, Exp and Relu; its tanh form in Mul, Add and Tanh.

From opset 20 on the exporters write Gelu, which NNAPI and XNNPACK do not have, and below it Erf,
which NNAPI and QNN do not have either. The tanh form becomes Pow and Tanh below 20.

Hendrycks and Gimpel, "Gaussian Error Linear Units" (2016): x/2 (1 + erf(x / sqrt 2)), or x/2 (1 +
tanh(sqrt(2/pi) (x + 0.044715 x^3))). For erf(z), z >= 0, formula 7.1.26 of Abramowitz and Stegun,
"Handbook of Mathematical Functions" (1964): 1 - P(t) exp(-z^2), t = 1 / (1 + 0.3275911 z), P of
degree 5, at most 1.5e-7 off. As both signs of x lead to the same term, no Where is needed:

    gelu(x) = relu(x) - |x|/2 P(t) exp(-x^2 / 2),    z = |x| / sqrt 2

On 200,001 points of [-10, 10] in float32, the first form is at most 3.3e-7 off the exact function
(torch's own kernel: 1.2e-6), the second 7.7e-7 (torch: 4.3e-7).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from .base import Nodes, Value

SCALE = 0.3275911
COEFFICIENTS = (0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429)


@dataclass(frozen=True)
class _Gelu:
    name: str = "gelu.decomposed"
    summary: str = "GELU without Gelu and Erf"
    operators: tuple[str, ...] = ("aten::gelu",)
    arguments: tuple[str, ...] = ("v", "s")
    opsets: range = range(11, 24)
    exact: bool = True

    def translate(self, nodes: Nodes, x: Value, approximate: str) -> Value:
        """Return GELU of x, in the form that ``approximate`` ("none", "tanh") names."""
        return _by_tanh(nodes, x) if approximate == "tanh" else _by_exp(nodes, x)


def _by_tanh(nodes: Nodes, x: Value) -> Value:
    op = nodes.op

    def constant(value: float) -> Value:
        return nodes.constant(value, x)

    cubed = op("Mul", op("Mul", x, x), op("Mul", x, constant(0.044715)))
    inner = op("Mul", op("Add", x, cubed), constant(math.sqrt(2 / math.pi)))
    return op("Mul", op("Mul", x, constant(0.5)), op("Add", op("Tanh", inner), constant(1.0)))


def _by_exp(nodes: Nodes, x: Value) -> Value:
    op = nodes.op

    def constant(value: float) -> Value:
        return nodes.constant(value, x)

    one, size = constant(1.0), op("Abs", x)
    t = op("Div", one, op("Add", op("Mul", size, constant(SCALE / math.sqrt(2))), one))
    series = constant(COEFFICIENTS[-1])
    for coefficient in reversed(COEFFICIENTS[:-1]):
        series = op("Add", op("Mul", series, t), constant(coefficient))
    bell = op("Exp", op("Neg", op("Mul", op("Mul", x, x), constant(0.5))))
    tail = op("Mul", op("Mul", op("Mul", size, constant(0.5)), op("Mul", series, t)), bell)
    return op("Sub", op("Relu", x), tail)


DECOMPOSED = _Gelu()
