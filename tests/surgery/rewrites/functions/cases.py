"""How the tests of function patches export a function of torch with and without one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from surgery.export.export import export_onnx
from surgery.graph.run import run
from surgery.passes import Check, run_passes
from surgery.rewrites import patching
from surgery.support.ledger import Ledger
from surgery.targets.audit import audit
from surgery.targets.registry import load_target

EXPORTERS = ("dynamo", "torchscript")


class Function(nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def image(*shape: int) -> Tensor:
    return torch.randn(*(shape or (2, 8, 8, 12)), generator=torch.Generator().manual_seed(0))


def export(
    function: Callable[[Tensor], Tensor], *names: str, exporter: str, **options: Any
) -> tuple[onnx.ModelProto, Ledger]:
    """The graph after the passes, and the ledger of the patches called ``names``."""
    ledger = Ledger()
    with patching(*names, exporter=exporter, ledger=ledger):
        model = export_onnx(
            Function(function).eval(),
            (image(),),
            input_names=["x"],
            output_names=["y"],
            exporter=exporter,
            **{"opset": 18, **options},
        )
    model = run_passes(model, ledger=Ledger(), check=Check({"x": image().numpy()}))
    return model, ledger


def difference(
    model: onnx.ModelProto, function: Callable[[Tensor], Tensor], x: Tensor | None = None
) -> float:
    x = image() if x is None else x
    found, expected = run(model, {"x": x.numpy()})["y"], function(x).numpy()
    assert found.shape == expected.shape
    return float(np.abs(found - expected).max())


def operators(model: onnx.ModelProto) -> set[str]:
    return {node.op_type for node in model.graph.node}


def refused(model: onnx.ModelProto, target: str) -> set[str]:
    return {node.operator for node in audit(model, load_target(target)).refused}
