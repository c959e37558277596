"""Where between booleans as And, Or and Not: a graph that ONNX Runtime refuses to load, loads.

The TorchScript exporter writes an assignment to a boolean mask (`mask[x > 0.5] = True`) as a Where
of booleans, which ONNX allows and hardly anything runs: ONNX Runtime stops with "Could not find an
implementation for Where(16)", TensorRT took no boolean data in Where, Expand and Gather for years
(onnx-tensorrt #390).

    Where(c, a, b)  =  Or(And(c, a), And(Not(c), b))        (a multiplexer in logic)

which broadcasts in the same way. Exact.
"""

from __future__ import annotations

import onnx
from onnx import TensorProto

from ..graph.view import View
from .node_pass import Answer, Draft, NodePass


def choose(draft: Draft, condition: str, chosen: str, other: str) -> str:
    """Write the multiplexer as the last nodes of ``draft`` and return the name of its output."""
    taken = draft.op("And", condition, chosen)
    left = draft.op("And", draft.op("Not", condition), other)
    return draft.op("Or", taken, left, final=True)


def _rewrite(node: onnx.NodeProto, view: View) -> Answer:
    condition, chosen, other = node.input
    if TensorProto.BOOL not in (view.element_type(chosen), view.element_type(other)):
        return None
    draft = Draft(node, view)
    choose(draft, condition, chosen, other)
    return draft


BOOLEAN_WHERE = NodePass(
    name="boolean_where",
    summary="Where between booleans as And, Or and Not",
    operators=("Where",),
    rewrite=_rewrite,
)
