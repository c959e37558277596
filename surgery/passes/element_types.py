"""Casts where an operator is given mixed element types, which ONNX Runtime refuses to load.

Dividing an index by a number, comparing a float with a whole number, a constant from numpy: torch
promotes such operands by itself, an exporter that forgets to writes a graph that the checker lets
through and ONNX Runtime does not: "Type parameter (T) of Optype (Div) bound to different types
(tensor(float) and tensor(int64)) in node (Div)". Other graphs give an operator a type that it never
takes ("Type 'tensor(int64)' of input parameter (X) of operator (Sqrt) ... is invalid"), or declare
an output of another type than they compute.

Types are followed through the graph by the operators' own signatures (onnx.defs), and where several
inputs must be of one type they get that of torch's promotion rules ("Type promotion", torch
documentation): floating point before whole numbers before booleans; within such a category what is
computed decides and constants follow, of computed ones the widest. A constant is stored anew, for
everything else a Cast is put in. Where no input is mixed nothing changes.

The graph does not run before, so that its outputs can be compared with nothing: the ledger says so,
and that it runs afterwards. Only the main graph is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass

import onnx

from .base import GraphPass
from .typing_rules import Repair


@dataclass(frozen=True)
class _ElementTypes(GraphPass):
    name: str = "element_types"
    summary: str = "Cast where an operator is given mixed or wrong element types"

    def check(self, model: onnx.ModelProto) -> str | None:
        return None if Repair(model).casts else "no operator is given mixed or wrong types"

    def apply(self, model: onnx.ModelProto) -> onnx.ModelProto:
        return Repair(model).applied()


ELEMENT_TYPES = _ElementTypes()
