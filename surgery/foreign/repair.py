"""A graph that ONNX Runtime refuses, made to run before anything else is done to it."""

from __future__ import annotations

from collections.abc import Mapping

import onnx

from ..graph.run import Array
from ..passes import Check, run_passes
from ..support.ledger import Ledger

# Passes whose graphs ONNX Runtime cannot run before: mixed element types, types without a kernel.
REPAIRS = ("element_types", "boolean_where", "float32")


def repaired(
    model: onnx.ModelProto, feeds: Mapping[str, Array], ledger: Ledger, *, safe: bool
) -> onnx.ModelProto:
    """Return ``model`` after the first pass that makes it run, itself where none does.

    What it gives then is compared with nothing, and the ledger's entry says so.

    Args:
        feeds: inputs by name.
        ledger: gets the entry of the pass that did it.
        safe: run the passes in a child process.
    """
    for name in REPAIRS:
        tried = Ledger()
        after = run_passes(model, ledger=tried, check=Check(feeds), order=(name,), safe=safe)
        if after is not model and tried.fired():
            ledger.extend(tried.fired())
            return after
    return model
