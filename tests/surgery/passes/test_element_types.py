"""Graphs that ONNX Runtime refuses for their element types, and what makes them run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from postprocess.errors import InputError
from surgery.graph.run import run
from surgery.passes import Check, run_passes
from surgery.passes.element_types import ELEMENT_TYPES
from surgery.support.ledger import Ledger

from .graphs import graph, node, operators

X = {"x": np.arange(6, dtype=np.float32).reshape(2, 3)}
INDEX = node("ArgMax", "x", "i", axis=1, keepdims=0)
GREATER = node("Greater", "x two", "m")


def case(
    nodes: list[onnx.NodeProto], kind: int = TensorProto.FLOAT, **weights: object
) -> onnx.ModelProto:
    model = graph(nodes, {"x": [2, 3]}, weights=weights, kinds={"y": kind})
    shape = model.graph.output[0].type.tensor_type.shape
    if not shape.dim:  # inference gives up on a graph that is wrong
        shape.SetInParent()
        for symbol in ("rows", "columns")[: 1 if nodes[0] is INDEX else 2]:
            shape.dim.add(dim_param=symbol)
    return model


CASES = {
    "scalar division": (
        case([INDEX, node("Div", "i half")], half=np.float64(4)),
        "Type parameter (T) of Optype (Div) bound to different types (tensor(int64) and "
        "tensor(double)",
        [0.5, 0.5],
    ),
    "float64 constant": (
        case([node("Mul", "x half")], half=np.float64(0.5)),
        "(T) of Optype (Mul) bound to different types (tensor(float) and tensor(double)",
        [[0, 0.5, 1], [1.5, 2, 2.5]],
    ),
    "comparison with a whole number": (
        case([GREATER, node("Where", "m x zero")], two=np.int64(2), zero=np.int64(0)),
        "(T) of Optype (Greater) bound to different types (tensor(float) and tensor(int64)",
        [[0, 0, 0], [3, 4, 5]],
    ),
    "mask times picture": (
        case([GREATER, node("Mul", "m x")], two=np.float32(2)),
        "Type 'tensor(bool)' of input parameter (m) of operator (Mul)",
        [[0, 0, 0], [3, 4, 5]],
    ),
    "root of an index": (
        case([INDEX, node("Sqrt", "i")]),
        "Type 'tensor(int64)' of input parameter (i) of operator (Sqrt)",
        [np.float32(np.sqrt(2))] * 2,
    ),
    "pieces of two types": (
        case([node("ArgMax", "x", "i", axis=1), node("Concat", "x i", axis=1)]),
        "(T) of Optype (Concat) bound to different types (tensor(float) and tensor(int64)",
        [[0, 1, 2, 2], [3, 4, 5, 2]],
    ),
    "output declared as another type": (
        case([node("ArgMax", "x", "y", axis=1)]),
        "Type (tensor(float)) of output arg (y)",
        [[2], [2]],
    ),
    "logic on numbers": (
        case([GREATER, node("And", "m x")], TensorProto.BOOL, two=np.float32(2)),
        "Type 'tensor(float)' of input parameter (x) of operator (And)",
        [[False, False, False], [True, True, True]],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_graph_that_did_not_run_runs_and_gives_what_torch_would(name: str) -> None:
    model, refusal, expected = CASES[name]
    with pytest.raises(InputError) as e:
        run(model, X)
    assert refusal in str(e.value)
    ledger = Ledger()
    after = run_passes(model, ledger=ledger, check=Check(X), order=("element_types",))
    (entry,) = ledger.entries
    assert entry.fired
    assert "compared with nothing" in entry.reason
    assert run(after, X)["y"].tolist() == expected


def test_constants_are_stored_in_the_type_of_what_is_computed_without_a_cast() -> None:
    model = CASES["float64 constant"][0]
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    after = ELEMENT_TYPES.apply(copy)
    assert operators(after) == ["Mul"]
    assert run(after, X)["y"].dtype == np.float32


def test_of_two_computed_operands_the_wider_floating_type_is_taken() -> None:
    double = TensorProto.DOUBLE
    nodes = [node("Cast", "x", "d", to=double), node("Add", "x d")]
    after = ELEMENT_TYPES.apply(case(nodes, double))
    assert run(after, X)["y"].dtype == np.float64


@pytest.mark.parametrize(
    "file", ["tinypose/tinypose_128x96.onnx", "movenet/movenet_lightning.onnx"]
)
def test_a_graph_that_runs_is_left_alone(reference: Path, file: str) -> None:
    model = onnx.load(reference / file)
    assert ELEMENT_TYPES.check(model) == "no operator is given mixed or wrong types"
