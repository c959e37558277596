"""How the tests of symbolics export a function of torch, run the graph and ask a target."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from surgery.export.export import export_onnx
from surgery.graph.run import run
from surgery.targets.audit import audit
from surgery.targets.registry import load_target

EXPORTERS = ("dynamo", "torchscript")
OPEN = {"x": {0: "batch", 2: "height", 3: "width"}}


class Function(nn.Module):
    """Functions of one tensor as a network: one output each."""

    def __init__(self, *functions: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.functions = functions

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return tuple(function(x) for function in self.functions)


def image(*shape: int) -> Tensor:
    """Values of N(0, 3), so that activations are met on both sides of their bends."""
    generator = torch.Generator().manual_seed(0)
    return 3 * torch.randn(*(shape or (2, 8, 8, 12)), generator=generator)


def export(
    functions: Sequence[Callable[[Tensor], Tensor]], symbolics: Sequence[str], **options: Any
) -> onnx.ModelProto:
    return export_onnx(
        Function(*functions).eval(),
        (options.pop("example", image()),),
        input_names=["x"],
        output_names=[f"y{i}" for i in range(len(functions))],
        symbolics=symbolics,
        **{"opset": 17, "exporter": "torchscript", **options},
    )


def difference(
    model: onnx.ModelProto, functions: Sequence[Callable[[Tensor], Tensor]], x: Tensor | None = None
) -> float:
    """Largest absolute difference between ONNX Runtime and torch, over all outputs."""
    x = image() if x is None else x
    found = run(model, {"x": x.numpy()})
    pairs = [(found[f"y{i}"], function(x).numpy()) for i, function in enumerate(functions)]
    assert all(mine.shape == theirs.shape for mine, theirs in pairs)
    return float(np.max([np.abs(mine - theirs).max() for mine, theirs in pairs]))  # NaN stays NaN


def operators(model: onnx.ModelProto) -> set[str]:
    """Operators of a graph, constants aside."""
    return {node.op_type for node in model.graph.node} - {"Constant"}


def refused(model: onnx.ModelProto, target: str) -> set[str]:
    """Operators of a graph that a target does not run."""
    return {node.operator for node in audit(model, load_target(target)).refused}
