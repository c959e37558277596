"""Another opset for a found graph: ONNX's own version converter, held against the graph before."""

from __future__ import annotations

import onnx
from onnx import version_converter

from postprocess.errors import InputError

from ..ledger import Entry, Ledger
from ..passes import Parity
from ..passes.base import opset_of


def at_opset(model: onnx.ModelProto, opset: int, check: Parity, ledger: Ledger) -> onnx.ModelProto:
    """Return the graph at ``opset``; it is left as it is itself.

    Args:
        check: compares the outputs of two graphs.
        ledger: gets one entry.

    Raises:
        InputError: the converter has no way there, or what it wrote gives something else.
    """
    before = opset_of(model)
    if before == opset:
        return model
    try:
        converted = version_converter.convert_version(model, opset)
        problem = check(model, converted)
    except InputError:
        raise
    except Exception as error:  # the converter raises plain RuntimeErrors of C++
        problem = " ".join(str(error).split())
    if problem:
        raise InputError(
            f"surgery.opset={opset}: the graph cannot be converted from opset {before}: {problem}; "
            "leave surgery.opset out"
        )
    reason = f"opset {opset}, the file is of {before} (onnx.version_converter)"
    ledger.add(Entry("interface", "opset", model.graph.name, True, True, reason))
    return converted
