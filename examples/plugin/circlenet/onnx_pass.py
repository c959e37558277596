"""Division by a constant as multiplication by its reciprocal, for targets without Div.

Exact where the constant is a power of two, and otherwise off by rounding (one float32 ulp).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import numpy_helper


def _divisions(model: onnx.ModelProto) -> list[tuple[onnx.NodeProto, onnx.TensorProto]]:
    """Float divisions by an initializer without zeros, and that initializer."""
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    found = []
    for node in model.graph.node:
        if node.op_type == "Div" and node.input[1] in weights:
            divisor = numpy_helper.to_array(weights[node.input[1]])
            if divisor.dtype.kind == "f" and divisor.all():
                found.append((node, weights[node.input[1]]))
    return found


@dataclass(frozen=True)
class DivAsMul:
    """Div by an initializer -> Mul."""

    name: str = "circlenet.div"
    summary: str = "division by a constant as multiplication"
    opsets: range = range(7, 1000)
    exact: bool = True
    renames: bool = False

    def check(self, model: onnx.ModelProto) -> str | None:
        """Return why there is nothing to do, or None."""
        return None if _divisions(model) else "no division by a constant"

    def apply(self, model: onnx.ModelProto) -> onnx.ModelProto:
        """Replace them all; each gets a constant of its own."""
        for i, (node, divisor) in enumerate(_divisions(model)):
            values = numpy_helper.to_array(divisor)
            inverse = np.asarray(1 / values, values.dtype)
            name = f"{divisor.name}_inverse_{i}"
            model.graph.initializer.append(numpy_helper.from_array(inverse, name))
            node.op_type = "Mul"
            node.input[1] = name
        return model


DIV = DivAsMul()
