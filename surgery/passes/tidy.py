"""Passes over names and weights: what a graph is called by, and that its weights are its own."""

from __future__ import annotations

from dataclasses import dataclass

import onnx

from ..graph.names import stable_names
from .base import GraphPass

# The first IR version in which initializers need not be inputs.
STANDALONE = 4


@dataclass(frozen=True)
class _Initializers(GraphPass):
    """Weights out of the graph's inputs.

    A weight that is also an input may be overridden by the caller, so a run time can fold nothing
    that depends on it: PP-TinyPose as paddle2onnx writes it takes twice the time for it. Models of
    IR version 3 had to list them; since version 4 a weight may stand alone.
    """

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


@dataclass(frozen=True)
class _Names(GraphPass):
    """Names that say where a node comes from: ``dla.base.level1.0/Conv``, the same in every run.

    Exporters number what they write (``node_17``, ``onnx::Conv_249``), and the numbers change with
    every edit and every version. A target's refusal, a layer to leave in float32 or a tensor to cut
    at could then not be named for longer than one export. The module path is read from what the
    exporter notes beside each node.
    """

    name: str = "names"
    summary: str = "nodes named by module path, weights by what uses them"
    renames: bool = True

    def check(self, model: onnx.ModelProto) -> str | None:
        return None if model.graph.node else "the graph has no nodes"

    def apply(self, model: onnx.ModelProto) -> onnx.ModelProto:
        return stable_names(model)


NAMES = _Names()
