"""From one opset to another through ONNX's version converter, with proof that nothing changed."""

from __future__ import annotations

from collections.abc import Mapping

import onnx
from onnxscript import optimizer

from postprocess.errors import InputError

from ..compare import compare, within
from ..graph.modules import carry_modules
from ..graph.session import Array, run
from .quiet import quiet


def convert(model: onnx.ModelProto, opset: int, feeds: Mapping[str, Array]) -> onnx.ModelProto:
    """Return ``model`` in ``opset`` of the ``ai.onnx`` domain.

    The graph is tried as it is, then with its constants folded, which removes operators that the
    converter does not know. Where ONNX Runtime runs the graph, the outputs are compared.

    Args:
        model: left as it is.
        feeds: inputs by name for the comparison.

    Raises:
        InputError: an operator has no form in ``opset``, or the converted graph computes something
            else.
    """
    current = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    if current == opset:
        return model
    with quiet():
        converted = _convert(model, current, opset)
    _check(model, converted, opset, feeds)
    return converted


def _convert(model: onnx.ModelProto, current: int, opset: int) -> onnx.ModelProto:
    cause: Exception | None = None
    for folded in (False, True):
        try:
            source = optimizer.optimize(model) if folded else model
            converted = onnx.version_converter.convert_version(source, opset)
            onnx.checker.check_model(converted, full_check=True)
        except Exception as error:  # the converter and its parts raise RuntimeError and its kin
            cause = cause or error
        else:
            carry_modules(model, converted)
            return converted
    text = " ".join(str(cause).split())
    hint = "surgery.exporter=torchscript, which writes old opsets itself, or " if opset < 18 else ""
    raise InputError(
        f"the graph cannot be converted from opset {current} to {opset} "
        f"({text.rpartition('failed: ')[2]}): try {hint}surgery.opset={current}"
    ) from cause


def _check(
    model: onnx.ModelProto, converted: onnx.ModelProto, opset: int, feeds: Mapping[str, Array]
) -> None:
    try:
        expected = run(model, feeds)
    except InputError:  # operators of another domain: nothing to compare with
        return
    for name, difference in compare(expected, run(converted, feeds)).items():
        if not within(difference):
            raise InputError(
                f"converted to opset {opset}, output {name!r} differs by {difference.max:.3g} at "
                f"scale {difference.scale:.3g}: try another surgery.opset or surgery.exporter"
            )
