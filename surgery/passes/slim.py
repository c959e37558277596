"""onnxslim: clean-ups that onnxscript does not do, such as Transpose pairs and Reshape chains.

Its patterns are right most of the time: before 0.1.84, EliminationSlice joined slices over the
same axis where another slice read the first one too, and left a graph that computed something else
or did not load (OnnxSlim issue 277). Each of its optimisations and patterns can be left out by
name, so that a wrong one costs no more than itself.

Without it, nodes that do nothing (a Dropout in evaluation mode, a Cast to the type that is there,
two Transposes that undo each other) are refused by targets that lack their operators, or split the
graph.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import onnx

from ..graph.weights import has_outside
from .base import GraphPass

# Those of its optimisations that can be left out beside the patterns of graph_fusion.
OPTIMIZATIONS = (
    "constant_folding",
    "dead_node_elimination",
    "subexpression_elimination",
    "weight_tying",
)


@dataclass(frozen=True)
class _Slim(GraphPass):
    name: str = "slim"
    summary: str = "fusions, redundant Transpose, Reshape, Cast and Identity (onnxslim)"
    skipped: tuple[str, ...] = ()

    def check(self, model: onnx.ModelProto) -> str | None:
        if has_outside(model):
            return "weights lie in files, since they are too many: onnxslim wants them in the graph"
        return None if model.graph.node else "the graph has no nodes"

    def apply(self, model: onnx.ModelProto) -> onnx.ModelProto:
        import onnxslim  # half a second to import

        if not self.skipped:
            return onnxslim.slim(model)  # type: ignore[no-any-return]
        return onnxslim.slim(  # type: ignore[no-any-return]
            model,
            skip_optimizations=[name for name in self.skipped if name in OPTIMIZATIONS],
            skip_fusion_patterns=[name for name in self.skipped if name not in OPTIMIZATIONS],
        )

    def parts(self) -> Sequence[str]:
        from onnxslim.core.pattern.registry import DEFAULT_FUSION_PATTERNS

        return (*DEFAULT_FUSION_PATTERNS, *OPTIMIZATIONS)

    def without(self, parts: Collection[str]) -> _Slim:
        return replace(self, skipped=tuple(parts))


SLIM = _Slim()
