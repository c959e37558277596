"""HardSigmoid in Mul, Add and Clip.

Both exporters write HardSigmoid in every opset, and NNAPI and XNNPACK do not have it: the gates of
MobileNetV3's squeeze-and-excitation blocks split the graph there.

Howard et al., "Searching for MobileNetV3" (2019), section 5.2: relu6(x + 3) / 6, here as
clip(x / 6 + 1/2, 0, 1). The same to float rounding.
"""

from __future__ import annotations

from dataclasses import dataclass

from .base import Nodes, Value


@dataclass(frozen=True)
class _HardSigmoid:
    name: str = "hardsigmoid.decomposed"
    summary: str = "HardSigmoid without HardSigmoid"
    operators: tuple[str, ...] = ("aten::hardsigmoid",)
    arguments: tuple[str, ...] = ("v",)
    opsets: range = range(11, 24)
    exact: bool = True

    def translate(self, nodes: Nodes, x: Value) -> Value:
        """Return clip(x / 6 + 1/2, 0, 1)."""
        op = nodes.op
        line = op("Add", op("Mul", x, nodes.constant(1 / 6, x)), nodes.constant(0.5, x))
        return op("Clip", line, nodes.constant(0.0, x), nodes.constant(1.0, x))


DECOMPOSED = _HardSigmoid()
