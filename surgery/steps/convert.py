"""Steps that write the same graph another way: opset, pass."""

from __future__ import annotations

from dataclasses import dataclass

import onnx

from postprocess.errors import InputError
from postprocess.fields import Field

from ..graph.view import opset_of
from .step import Change, same_outputs


@dataclass(frozen=True)
class _Opset:
    """Another opset for a graph: ``{opset: 13}``.

    Run times stop at the opset that they were built for ("Opset 22 is under development and support
    for this is limited", "Unsupported model IR version"), and older accelerators' converters at 11
    or 13. How a graph gets there, and what the converter of the ONNX package does wrong on the way,
    is in :mod:`surgery.passes.opset`. Exact: the converted graph is run against the one before.
    """

    name: str = "opset"
    summary: str = "another operator set: {opset: 13}"
    exact: bool = True

    def apply(self, model: onnx.ModelProto, argument: Field) -> Change:
        from ..passes.opset import at_opset

        opset = argument.integer(least=1)
        before = opset_of(model)
        after = at_opset(model, opset)
        return Change((after,), str(opset), f"the graph was of {before}", same_outputs(model))


OPSET = _Opset()


@dataclass(frozen=True)
class _Passing:
    """A pass of the export, on any graph: ``{pass: NAME}``.

    The passes of ``surgery.passes`` (constant folding, weights out of the inputs, dead nodes, ...)
    run in the export of a network; a file that somebody else made may need one of them alone. Each
    runs here as it does there, behind the same check, and is an error where it is taken back or
    declines.
    """

    name: str = "pass"
    summary: str = "a pass of the export: {pass: NAME}"
    exact: bool = True

    def apply(self, model: onnx.ModelProto, argument: Field) -> Change:
        from ..passes import PASSES, run_passes  # onnxscript's optimizer: seconds to import
        from ..support.ledger import Ledger

        name, ledger = argument.text(), Ledger()
        after = run_passes(model, ledger=ledger, check=None, order=[name])
        entry = next(entry for entry in ledger if entry.name == name)
        if not entry.fired and entry.reason != "nothing to change":
            raise InputError(f"pass {name!r} is not done: {entry.reason}")
        nodes = f"{len(model.graph.node)} nodes before, {len(after.graph.node)} after"
        expect = same_outputs(model) if PASSES.get(name).exact else None
        return Change((after,), name, nodes if entry.fired else entry.reason, expect)


PASS = _Passing()
