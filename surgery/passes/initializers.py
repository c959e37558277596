"""Weights out of the graph's inputs.

A weight that is also an input may be overridden by the caller, so a run time can fold nothing that
depends on it: PP-TinyPose as paddle2onnx writes it takes twice the time for it. Models of IR
version 3 had to list them; since version 4 a weight may stand alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import onnx

from .base import GraphPass

# The first IR version in which initializers need not be inputs.
STANDALONE = 4


@dataclass(frozen=True)
class _Initializers(GraphPass):
    name: str = "initializers"
    summary: str = "weights are constants, not inputs that a caller could override"

    def check(self, model: onnx.ModelProto) -> str | None:
        return None if _listed(model) else "no weight is listed as an input"

    def apply(self, model: onnx.ModelProto) -> onnx.ModelProto:
        weights = _listed(model)
        kept = [value for value in model.graph.input if value.name not in weights]
        del model.graph.input[:]
        model.graph.input.extend(kept)
        model.ir_version = max(model.ir_version, STANDALONE)
        return model


def _listed(model: onnx.ModelProto) -> set[str]:
    weights = {tensor.name for tensor in model.graph.initializer}
    weights |= {tensor.values.name for tensor in model.graph.sparse_initializer}
    return weights & {value.name for value in model.graph.input}


INITIALIZERS = _Initializers()
