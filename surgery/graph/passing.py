"""A pass of the export, on any graph: ``{pass: NAME}``.

The passes of ``surgery.passes`` (constant folding, weights out of the inputs, dead nodes, ...) run
in the export of a network; a file that somebody else made may need one of them alone. Each runs
here as it does there, behind the same check, and is an error where it is taken back or declines.
"""

from __future__ import annotations

from dataclasses import dataclass

import onnx

from postprocess.errors import InputError
from postprocess.fields import Field

from .step import Change, same_outputs


@dataclass(frozen=True)
class _Passing:
    name: str = "pass"
    summary: str = "a pass of the export: {pass: NAME}"
    exact: bool = True

    def apply(self, model: onnx.ModelProto, argument: Field) -> Change:
        from ..ledger import Ledger
        from ..passes import PASSES, run_passes  # onnxscript's optimizer: seconds to import

        name, ledger = argument.text(), Ledger()
        after = run_passes(model, ledger=ledger, check=None, order=[name])
        entry = next(entry for entry in ledger if entry.name == name)
        if not entry.fired and entry.reason != "nothing to change":
            raise InputError(f"pass {name!r} is not done: {entry.reason}")
        nodes = f"{len(model.graph.node)} nodes before, {len(after.graph.node)} after"
        expect = same_outputs(model) if PASSES.get(name).exact else None
        return Change((after,), name, nodes if entry.fired else entry.reason, expect)


PASS = _Passing()
