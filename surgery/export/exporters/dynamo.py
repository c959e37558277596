"""The exporter that goes through ``torch.export``: it writes opset 18 and newer.

Its own optimisation stays off, so that what is folded and fused later stands in the ledger.

Open heights and widths are not left to torch's symbolic shapes at first: for a network such as
DLA-34, where upsampled maps meet others on many levels, reasoning about them takes minutes and
then fails (torch 2.13). The graph is written for one fixed size instead, and run at another: where
it gives what the module gives there, no size is in it. Where ONNX Runtime cannot run it, it is
written for a second size too, and both have to be the same node for node and constant for constant.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
from collections.abc import Collection, Mapping
from typing import Any

import onnx
import torch
from onnx import inliner
from torch import Tensor, nn

from postprocess.errors import InputError

from ...graph.modules import all_nodes, set_module
from ...graph.names import stable_names
from ...graph.storage import settle
from ...graph.weights import array_of, outside
from ...support.quiet import LOG
from ...support.torch_compat import require_dynamo
from ..symbolics.scope import translations
from ..verify import holds_at
from .base import Exporter, Request
from .interface import strip
from .naming import untangle

# Written by torch.onnx: a Python list of the paths from the root to the module, then the fx node.
_SCOPES = "pkg.torch.onnx.name_scopes"
# By how much the second size is larger: multiples of 32 stay such, height and width differ.
_FACTORS = (2, 3)


def _export(request: Request) -> onnx.ModelProto:
    require_dynamo()
    open_sides = _open_sides(request)
    if open_sides:
        model = _write(request, request.inputs, without=set(open_sides))
        enlarged = _enlarged(request, open_sides)
        free = holds_at(model, request, enlarged)
        if free is None:
            other = _write(request, enlarged, without=set(open_sides))
            free = _content(model) == _content(other)
        if free:
            for value in model.graph.output:
                value.type.tensor_type.ClearField("shape")
            return model
        LOG.info("the graph depends on the input's size: exporting with symbolic sizes")
    return _write(request, request.inputs, without=())


def _open_sides(request: Request) -> list[str]:
    """Symbols of the open axes of images and feature maps, batch and channels aside."""
    symbols: dict[str, None] = {}
    for name, tensor in zip(request.input_names, request.inputs, strict=True):
        for axis, symbol in sorted(request.dynamic.get(name, {}).items()):
            if tensor.ndim >= 4 and axis >= 2:
                symbols[symbol] = None
    return list(symbols)


def _enlarged(request: Request, symbols: list[str]) -> tuple[Tensor, ...]:
    """Example inputs of another size along the axes of ``symbols``."""
    factors = {symbol: _FACTORS[i % len(_FACTORS)] for i, symbol in enumerate(symbols)}
    enlarged = []
    for name, tensor in zip(request.input_names, request.inputs, strict=True):
        repeats = [1] * tensor.ndim
        for axis, symbol in request.dynamic.get(name, {}).items():
            repeats[axis] = factors.get(symbol, 1)
        enlarged.append(tensor.repeat(repeats))
    return tuple(enlarged)


def _content(model: onnx.ModelProto) -> bytes:
    """All that a graph computes with: nodes, attributes and weights, without shapes."""
    content = stable_names(model)
    strip(content)
    for tensor in outside(content).values():
        digest = hashlib.sha256(array_of(tensor).data).hexdigest()
        del tensor.external_data[:]
        tensor.external_data.add(key="checksum", value=digest)
    for holder in (content.graph.value_info, content.graph.input, content.graph.output):
        del holder[:]
    return bytes(content.SerializeToString(deterministic=True))


def _write(
    request: Request, examples: tuple[Tensor, ...], *, without: Collection[str]
) -> onnx.ModelProto:
    """Run the exporter; symbols in ``without`` become sizes of ``examples``."""
    dynamic = {
        name: [axis for axis, symbol in axes.items() if symbol not in without]
        for name, axes in request.dynamic.items()
    }
    hints = [
        dict.fromkeys(dynamic.get(n, ()), torch.export.Dim.DYNAMIC) for n in request.input_names
    ]
    table = dict(translations(request.symbolics))
    program = torch.onnx.export(
        request.module,
        _untied(request.input_names, examples, dynamic),
        dynamo=True,
        input_names=list(request.input_names),
        opset_version=request.opset,
        dynamic_shapes=_by_parameter(request.module, hints) if any(hints) else None,
        custom_translation_table=table or None,
        optimize=False,
        verbose=False,
    )
    assert program is not None  # None is for the other exporter
    untangle(program.model.graph, request.output_names)
    model = settle(program.model_proto)
    written = {entry.domain: entry.version for entry in model.opset_import}.get("")
    if written not in (None, request.opset):
        raise InputError(f"expected opset {request.opset} from the exporter, got {written}")
    paths = {path for path, _ in request.module.named_modules(remove_duplicate=False)}
    _note_modules(model, paths)
    return inliner.inline_local_functions(model) if model.functions else model


def _by_parameter(module: nn.Module, hints: list[dict[int, Any]]) -> tuple[Any, ...]:
    """Arrange ``hints`` as torch.export wants them: those of ``*args`` in a tuple of their own."""
    arranged: list[Any] = []
    for parameter in inspect.signature(module.forward).parameters.values():
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            arranged.append(tuple(hints[len(arranged) :]))
            break
        if len(arranged) < len(hints):
            arranged.append(hints[len(arranged)])
    return tuple(arranged)


def _untied(
    names: tuple[str, ...], examples: tuple[Tensor, ...], dynamic: Mapping[str, list[int]]
) -> tuple[Tensor, ...]:
    """Examples with two elements or more on dynamic axes: torch.export may fix an axis of one."""
    untied = []
    for name, tensor in zip(names, examples, strict=True):
        for axis in dynamic.get(name, ()):
            if tensor.shape[axis] == 1:
                tensor = torch.cat([tensor, tensor], dim=axis)
        untied.append(tensor)
    return tuple(untied)


def _note_modules(model: onnx.ModelProto, paths: Collection[str]) -> None:
    nodes = [*all_nodes(model.graph), *(node for f in model.functions for node in f.node)]
    for node in nodes:
        scopes = next((entry.value for entry in node.metadata_props if entry.key == _SCOPES), "[]")
        known: list[Any] = [scope for scope in ast.literal_eval(scopes) if scope in paths]
        set_module(node, known[-1] if known else "")


DYNAMO = Exporter("dynamo", range(18, 24), _export, trusted_shapes=True)
