"""Another opset for a graph: ``{opset: 13}``.

Run times stop at the opset that they were built for ("Opset 22 is under development and support for
this is limited", "Unsupported model IR version"), and older accelerators' converters at 11 or 13.
How a graph gets there, and what the converter of the ONNX package does wrong on the way, is in
:mod:`surgery.opset`. Exact: the converted graph is run against the one before.
"""

from __future__ import annotations

from dataclasses import dataclass

import onnx

from postprocess.fields import Field

from .step import Change, same_outputs


@dataclass(frozen=True)
class _Opset:
    name: str = "opset"
    summary: str = "another operator set: {opset: 13}"
    exact: bool = True

    def apply(self, model: onnx.ModelProto, argument: Field) -> Change:
        from ..opset import at_opset

        opset = argument.integer(least=1)
        before = next((e.version for e in model.opset_import if e.domain in ("", "ai.onnx")), 0)
        after = at_opset(model, opset)
        return Change((after,), str(opset), f"the graph was of {before}", same_outputs(model))


OPSET = _Opset()
