"""Indices computed in int32 where every number is known to fit, in int64 elsewhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto
from torch import Tensor, nn

from surgery.export.export import export_onnx
from surgery.graph.shapes import element_types, infer
from surgery.passes import run_passes
from surgery.passes.int32 import INT32

from .graphs import Ledger, difference, graph, node, passed, refusals

INT64 = TensorProto.INT64


class Peaks(nn.Module):
    """The place of each channel's largest value, as code after a heatmap has it."""

    def forward(self, x: Tensor) -> Tensor:
        place = x.flatten(2).argmax(-1)
        width = x.shape[3]
        return torch.stack([place % width, place // width], -1).float()


def in_int64(model: onnx.ModelProto) -> list[str]:
    kinds = element_types(infer(model))
    return [name for n in model.graph.node for name in n.output if kinds.get(name) == INT64]


@pytest.mark.parametrize("exporter", ["dynamo", "torchscript"])
def test_a_target_without_int64_refuses_nothing_but_argmax_itself(exporter: str) -> None:
    exported = export_onnx(
        Peaks().eval(),
        (torch.randn(1, 4, 8, 6),),
        input_names=["image"],
        output_names=["y"],
        exporter=exporter,
    )
    before = run_passes(exported, ledger=Ledger(), check=None)
    assert "Concat: int64 tensors, takes float32, int32, int8, uint8" in refusals(before, "nnapi")
    after, _ = passed(before, "int32")
    assert in_int64(after) == [n.output[0] for n in after.graph.node if n.op_type == "ArgMax"]
    refused = [line for line in refusals(after, "nnapi") if "int64" in line]
    assert {line.partition(":")[0] for line in refused} <= {"ArgMax", "Cast"}
    assert difference(before, after) == 0


def scaled(factor: int) -> onnx.ModelProto:
    """ArgMax below 4, times a factor."""
    nodes = [
        node("ArgMax", "x", "i", axis=1),
        node("Mul", "i factor", "p"),
        node("Add", "p one", "s"),
        node("Cast", "s", to=1),
    ]
    weights = {"factor": np.int64(factor), "one": np.int64(1)}
    return graph(nodes, {"x": [3, 4]}, weights=weights)


def test_numbers_that_may_not_fit_stay_in_int64() -> None:
    assert INT32.check(scaled(2**29)) is None  # 3 * 2^29 + 1 fits
    assert INT32.check(scaled(2**30)) is not None
    after, _ = passed(scaled(2**29), "int32")
    assert difference(scaled(2**29), after) == 0


def test_numbers_of_the_caller_stay_in_int64() -> None:
    model = graph(
        [node("Add", "x one")],
        {"x": [3]},
        weights={"one": np.int64(1)},
        kinds={"x": INT64, "y": INT64},
    )
    assert INT32.check(model) == "no node computes in int64 with known bounds"


def test_outputs_and_shapes_get_their_int64_back() -> None:
    nodes = [
        node("Cast", "x", "b", to=TensorProto.BOOL),
        node("Cast", "b", "i", to=INT64),
        node("Add", "i one", "n"),
        node("Sub", "n one"),
    ]
    model = graph(nodes, {"x": [3]}, weights={"one": np.int64(1)}, kinds={"y": INT64})
    after, _ = passed(model, "int32")
    assert in_int64(after) == ["y"]
    assert difference(model, after) == 0


def test_a_graph_that_would_win_nothing_is_left_alone(reference: Path) -> None:
    model = onnx.load(reference / "movenet" / "movenet_lightning.onnx")
    assert INT32.check(model) == "no node computes in int64 with known bounds"
