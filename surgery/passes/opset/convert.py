"""A graph in another opset: newer ones through ONNX's version converter, older ones through ours.

ONNX's converter goes up well. On the way down it stops at nearly every operator ("No Adapter From
Version $13 for Relu", $18 for Split, $17 for Pad), and Softmax from 13 to 12 it gets wrong without
a word: the outputs differ by 0.87 of their scale where the axis is not the last one (onnx 1.23; the
test of this file says when that changes). So the way down is :mod:`.downgrade`.
"""

from __future__ import annotations

import onnx
from onnx import helper
from onnxscript import optimizer

from postprocess.errors import InputError

from ...graph.modules import carry_modules
from ...graph.view import opset_of
from ...graph.weights import with_inputs_as_weights, with_weights_as_inputs
from ...support.quiet import quiet
from ..check import Check, NothingToCompareError
from ..tidy import STANDALONE
from .downgrade import downgraded

NEWEST = onnx.defs.onnx_opset_version()


def at_opset(model: onnx.ModelProto, opset: int) -> onnx.ModelProto:
    """Return ``model`` in ``opset`` of the ``ai.onnx`` domain; it is left as it is itself.

    The graph is tried as it is, then with its constants folded: operators that take a constant as
    an attribute in the older opset may be given one that is computed.

    Args:
        model: a valid graph.
        opset: the version of ``ai.onnx`` that the result imports.

    Raises:
        InputError: an operator has no form in ``opset``; the line names the node and the reason.
    """
    current = opset_of(model)
    if not 1 <= opset <= NEWEST:
        raise InputError(f"opset expects 1 to {NEWEST}, got {opset}")
    if opset == current:
        return model
    cause: Exception | None = None
    for folded in (False, True):
        try:
            with quiet():
                source = optimizer.optimize(model) if folded else model
                bare = with_weights_as_inputs(source)
                converted = _converted(bare, current, opset)
                onnx.checker.check_model(converted, full_check=True)
                with_inputs_as_weights(converted, source)
        except Exception as error:  # the converter and its parts raise RuntimeError and its kin
            cause = cause or error
        else:
            carry_modules(model, converted)
            return converted
    text = " ".join(str(cause).split())
    raise InputError(
        f"the graph cannot be converted from opset {current} to {opset} "
        f"({text.rpartition('failed: ')[2]}): try surgery.opset={current}"
    ) from cause


def proven(model: onnx.ModelProto, opset: int, check: Check) -> onnx.ModelProto:
    """:func:`at_opset`, and the outputs held against those before.

    Args:
        model: left as it is.
        opset: the version of ``ai.onnx`` that the result imports.
        check: compares the two graphs; one that ONNX Runtime cannot run, for operators of
            another domain, is not compared.

    Raises:
        InputError: an operator has no form in ``opset``, or the outputs differ.
    """
    converted = at_opset(model, opset)
    try:
        problem = None if converted is model else check(model, converted)
    except NothingToCompareError:
        return converted
    if problem is not None:
        raise InputError(f"converted to opset {opset}, {problem}: try another surgery.opset")
    return converted


def _converted(model: onnx.ModelProto, current: int, opset: int) -> onnx.ModelProto:
    if opset > current:
        source = onnx.ModelProto()
        source.CopyFrom(model)  # of IR version 3 the converter wants every weight as an input
        source.ir_version = max(model.ir_version, STANDALONE)
        made = onnx.version_converter.convert_version(source, opset)
    else:
        made = downgraded(model, opset)
        oldest = helper.find_min_ir_version_for(list(made.opset_import), True)
        made.ir_version = min(made.ir_version, max(STANDALONE, oldest))
    return made
