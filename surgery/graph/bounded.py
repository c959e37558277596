"""Outputs between 0 and 1, whose rounding does not shrink with their values.

ONNX Runtime computes Sigmoid as one half plus a rational function, so that a probability of 1e-6 is
as far off as one of 0.5: by up to half of float32's spacing there, 6e-8. On noise a detector's map
can hold nothing but such values. Two graphs that round differently are then apart by 3 % of the
largest value and compute the same.
"""

from __future__ import annotations

import numpy as np
import onnx

from .view import View

BOUNDED = frozenset({"HardSigmoid", "Sigmoid", "Softmax"})
MOVING = frozenset({"Cast", "Concat", "Flatten", "Identity", "Reshape", "Squeeze", "Transpose"})
ROUNDING = 2 * float(np.finfo(np.float32).eps)  # two graphs, each by the spacing at one


def floors(model: onnx.ModelProto) -> dict[str, float]:
    """Absolute rounding by name of those outputs that lie between 0 and 1 by construction."""
    makers = View(model).makers

    def bounded(name: str) -> bool:
        seen = set[str]()
        while name in makers and name not in seen:
            seen.add(name)
            node = makers[name]
            if node.op_type in BOUNDED and not node.domain:
                return True
            if node.op_type not in MOVING or not node.input:
                return False
            name = node.input[0]
        return False

    return {value.name: ROUNDING for value in model.graph.output if bounded(value.name)}
