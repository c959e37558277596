"""Nodes and weights that nothing depends on any more (onnx_ir).

A cut leaves what stood behind it, a replaced operator what fed it alone. Run times drop such nodes
when they load a graph, but a target that is asked what it takes refuses them all the same: a TopK
whose values nobody reads keeps a backbone from being whole. Weights that nothing uses only make
the file larger. What an output, an inner graph or the caller's inputs need stays.
"""

from __future__ import annotations

from dataclasses import dataclass

import onnx
import onnx_ir
from onnx_ir.passes import common

from .base import GraphPass


@dataclass(frozen=True)
class _Dead(GraphPass):
    name: str = "dead"
    summary: str = "nodes and weights that no output depends on"

    def check(self, model: onnx.ModelProto) -> str | None:
        return None if model.graph.node else "the graph has no nodes"

    def apply(self, model: onnx.ModelProto) -> onnx.ModelProto:
        graph = onnx_ir.from_proto(model)
        common.RemoveUnusedNodesPass()(graph)
        return onnx_ir.to_proto(graph)


DEAD = _Dead()
