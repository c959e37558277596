"""Constants computed once, and BatchNorm folded into the convolution before it.

onnxscript's optimizer: constant folding with shape inference, its default rewrite rules, of which
BatchNorm is one (W' = W * scale / sqrt(var + epsilon), b' = (b - mean) * scale / sqrt(var +
epsilon) + B per output channel), common subexpressions, and Constant nodes turned into weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import onnx
from onnxscript import optimizer

from .base import EVERY_OPSET


@dataclass(frozen=True)
class _Fold:
    name: str = "fold"
    summary: str = "constant folding, BatchNorm into convolutions (onnxscript)"
    opsets: range = EVERY_OPSET
    exact: bool = True
    renames: bool = False

    def check(self, model: onnx.ModelProto) -> str | None:
        return None if model.graph.node else "the graph has no nodes"

    def apply(self, model: onnx.ModelProto) -> onnx.ModelProto:
        return optimizer.optimize(model)


FOLD = _Fold()
