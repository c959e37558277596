"""The exporter that goes through ``torch.export``: it writes opset 18 and newer.

Its own optimisation stays off, so that what is folded and fused later stands in the ledger.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Collection
from typing import Any

import onnx
import torch
from onnx import inliner
from torch import Tensor

from postprocess.errors import InputError

from ..graph.modules import all_nodes, set_module
from .base import Exporter, Request

# Written by torch.onnx: a Python list of the paths from the root to the module, then the fx node.
_SCOPES = "pkg.torch.onnx.name_scopes"


def _export(request: Request) -> onnx.ModelProto:
    hints = tuple(
        dict.fromkeys(request.dynamic.get(name, {}), torch.export.Dim.DYNAMIC)
        for name in request.input_names
    )
    program = torch.onnx.export(
        request.module,
        _untied(request),
        dynamo=True,
        input_names=list(request.input_names),
        output_names=list(request.output_names),
        opset_version=request.opset,
        dynamic_shapes=_nested(request, hints) if any(hints) else None,
        custom_translation_table=dict(request.translations) or None,
        optimize=False,
        verbose=False,
    )
    assert program is not None  # None is for the other exporter
    model: onnx.ModelProto = program.model_proto
    written = {entry.domain: entry.version for entry in model.opset_import}.get("")
    if written not in (None, request.opset):
        raise InputError(f"expected opset {request.opset} from the exporter, got {written}")
    paths = {path for path, _ in request.module.named_modules(remove_duplicate=False)}
    _note_modules(model, paths)
    return inliner.inline_local_functions(model) if model.functions else model


def _nested(request: Request, hints: tuple[Any, ...]) -> tuple[Any, ...]:
    """One hint per parameter of forward, as torch.export wants it: those of ``*inputs`` in a tuple."""
    kinds = [p.kind for p in inspect.signature(request.module.forward).parameters.values()]
    if inspect.Parameter.VAR_POSITIONAL not in kinds:
        return hints
    named = kinds.index(inspect.Parameter.VAR_POSITIONAL)
    return (*hints[:named], hints[named:])


def _untied(request: Request) -> tuple[Tensor, ...]:
    """Example inputs with two elements or more on dynamic axes: torch.export may fix one of 1."""
    untied = []
    for name, tensor in zip(request.input_names, request.inputs, strict=True):
        for axis in request.dynamic.get(name, {}):
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
