"""Names that say where a node comes from: ``dla.base.level1.0/Conv``, the same in every run."""

from __future__ import annotations

from dataclasses import dataclass

import onnx

from ..graph.names import stable_names
from .base import GraphPass


@dataclass(frozen=True)
class _Names(GraphPass):
    name: str = "names"
    summary: str = "nodes named by module path, weights by what uses them"
    renames: bool = True

    def check(self, model: onnx.ModelProto) -> str | None:
        return None if model.graph.node else "the graph has no nodes"

    def apply(self, model: onnx.ModelProto) -> onnx.ModelProto:
        return stable_names(model)


NAMES = _Names()
