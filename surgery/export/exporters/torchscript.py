"""The exporter that traces to TorchScript: it writes opsets 7 to 20.

torch lets newer opsets through and writes the operators of 20 under their number, so they are not
asked of it.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Collection
from pathlib import Path

import onnx
import torch

from ...graph.external import adopt_files
from ...graph.modules import all_nodes, set_module
from ...graph.storage import settle
from ...support import scratch
from ...support.torch_compat import script_only
from ..symbolics.scope import registered
from .base import Exporter, Request

_COUNTER = re.compile(r"_\d+$")


def _export(request: Request) -> onnx.ModelProto:
    # torch writes weights beyond 2 GB into files beside the model, where that has a place
    path = Path(tempfile.mkdtemp(dir=scratch.folder())) / "model.onnx"
    with registered(request.symbolics, request.opset):
        torch.onnx.export(
            request.module,
            request.inputs,
            str(path),
            input_names=list(request.input_names),
            output_names=list(request.output_names),
            opset_version=request.opset,
            dynamic_axes={name: dict(axes) for name, axes in request.dynamic.items()},
            keep_initializers_as_inputs=False,
            verbose=False,
            **script_only(),
        )
    model = onnx.load(path, load_external_data=False)
    path.unlink()
    adopt_files(model, path, weights=True)
    settle(model)
    paths = {path for path, _ in request.module.named_modules(remove_duplicate=False)}
    for node in all_nodes(model.graph):
        set_module(node, module_path(node.name, paths))
    return model


def module_path(name: str, paths: Collection[str]) -> str:
    """Return the module in ``paths`` that a node name like ``/seq/seq.1/conv_1/Conv`` stands for.

    Children of containers are written with the container's own name (``seq.1``), a second call of
    the same module with a counter (``conv_1``), and modules that were passed over are left out.
    """
    path = ""
    for part in name.split("/")[1:-1]:
        below = [other for other in paths if other.startswith(f"{path}." if path else "")]
        for tail in (part, _COUNTER.sub("", part)):
            found = [p for p in below if p == tail or p.endswith(f".{tail}")]
            child = f"{path}.{tail}" if path else tail
            if child in found or len(found) == 1:
                path = child if child in found else found[0]
                break
    return path


TORCHSCRIPT = Exporter("torchscript", range(7, 21), _export, trusted_shapes=False)
