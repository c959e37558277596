"""The definition of an operator in ONNX's registry, at an opset; the one place that asks for it."""

from __future__ import annotations

import onnx


def schema_at(op_type: str, opset: int, domain: str = "") -> onnx.defs.OpSchema | None:
    """The schema that holds at ``opset``.

    Returns:
        None for an operator or a domain that ONNX does not know, or not yet at that opset.
    """
    domain = "" if domain == "ai.onnx" else domain
    try:
        return onnx.defs.get_schema(op_type, opset, domain)
    except (onnx.defs.SchemaError, TypeError):  # TypeError: an opset beyond a C++ int
        return None
