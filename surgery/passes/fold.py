"""Passes by onnx_ir: what is constant computed once, and what nothing needs dropped."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import onnx
import onnx_ir
from onnx_ir.passes import common
from onnxscript import optimizer, rewriter
from onnxscript.rewriter.rules import common as rules

from .base import GraphPass

CONSTANTS, SUBEXPRESSIONS = "constant folding", "common subexpressions"


@dataclass(frozen=True)
class _Fold(GraphPass):
    """Constants computed once, and BatchNorm folded into the convolution before it.

    onnxscript's optimizer: constant folding with shape inference, its default rewrite rules, of
    which BatchNorm is one (W' = W * scale / sqrt(var + epsilon), b' = (b - mean) * scale / sqrt(var
    + epsilon) + B per output channel), common subexpressions, and Constant nodes turned into
    weights. Where one of these is at fault, the rest can go on without it.

    Without it, arithmetic on weights alone stays in the graph as the network wrote it, and a target
    that has no kernel for it refuses it, although it need never run there: a weight chosen by
    Greater and Where makes a graph of convolutions fall into pieces.
    """

    name: str = "fold"
    summary: str = "constant folding, BatchNorm into convolutions (onnxscript)"
    skipped: tuple[str, ...] = ()

    def check(self, model: onnx.ModelProto) -> str | None:
        return None if model.graph.node else "the graph has no nodes"

    def apply(self, model: onnx.ModelProto) -> onnx.ModelProto:
        return self._rest(model) if self.skipped else optimizer.optimize(model)

    def parts(self) -> Sequence[str]:
        return (CONSTANTS, *_rules(), SUBEXPRESSIONS)

    def without(self, parts: Collection[str]) -> _Fold:
        return replace(self, skipped=tuple(parts))

    def _rest(self, model: onnx.ModelProto) -> onnx.ModelProto:
        """The optimizer's steps in its own order, but for those to skip."""
        kept = [rule for name, rule in _rules().items() if name not in self.skipped]
        graph = onnx_ir.from_proto(model)
        common.InlinePass()(graph)
        if CONSTANTS not in self.skipped:
            optimizer.fold_constants(graph)
        if kept:
            rewriter.RewritePass(kept)(graph)
        common.RemoveUnusedNodesPass()(graph)
        common.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(graph)
        if SUBEXPRESSIONS not in self.skipped:
            common.CommonSubexpressionEliminationPass()(graph)
        common.OutputFixPass()(graph)
        common.NameFixPass()(graph)
        return onnx_ir.to_proto(graph)


def _rules() -> dict[str, Any]:
    """The optimizer's own rewrite rules by the library's public names for them."""
    public = {id(getattr(rules, name)): name.removesuffix("_rule") for name in rules.__all__}
    own = rewriter._DEFAULT_REWRITE_RULES
    return {
        public.get(id(rule)) or rule.name or f"rule {place}": rule for place, rule in enumerate(own)
    }


FOLD = _Fold()


@dataclass(frozen=True)
class _Dead(GraphPass):
    """Nodes and weights that nothing depends on any more (onnx_ir).

    A cut leaves what stood behind it, a replaced operator what fed it alone. Run times drop such
    nodes when they load a graph, but a target that is asked what it takes refuses them all the
    same: a TopK whose values nobody reads keeps a backbone from being whole. Weights that nothing
    uses only make the file larger. What an output, an inner graph or the caller's inputs need
    stays.
    """

    name: str = "dead"
    summary: str = "nodes and weights that no output depends on"

    def check(self, model: onnx.ModelProto) -> str | None:
        return None if model.graph.node else "the graph has no nodes"

    def apply(self, model: onnx.ModelProto) -> onnx.ModelProto:
        graph = onnx_ir.from_proto(model)
        common.RemoveUnusedNodesPass()(graph)
        return onnx_ir.to_proto(graph)


DEAD = _Dead()
