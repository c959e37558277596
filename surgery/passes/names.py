"""Names that say where a node comes from: ``dla.base.level1.0/Conv``, the same in every run.

Exporters number what they write (``node_17``, ``onnx::Conv_249``), and the numbers change with
every edit and every version. A target's refusal, a layer to leave in float32 or a tensor to cut at
could then not be named for longer than one export. The module path is read from what the exporter
notes beside each node.
"""

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
