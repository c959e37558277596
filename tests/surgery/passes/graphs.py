"""Graphs of a node or a few, as the tests of the passes need them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from surgery.graph.run import random_feeds, run
from surgery.passes import Check, run_passes
from surgery.support.ledger import Ledger
from surgery.targets import Target
from surgery.targets.audit import audit
from surgery.targets.registry import load_target

Shape = Sequence[int | str]


def graph(
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, Shape],
    outputs: Sequence[str] = ("y",),
    weights: Mapping[str, Any] | None = None,
    *,
    opset: int = 18,
    kinds: Mapping[str, int] | None = None,
) -> onnx.ModelProto:
    """A model whose outputs have the types that ONNX infers; float32 unless ``kinds`` says else."""
    kinds = {**dict.fromkeys((*inputs, *outputs), TensorProto.FLOAT), **(kinds or {})}
    bare = helper.make_graph(
        nodes,
        "case",
        [helper.make_tensor_value_info(name, kinds[name], shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, kinds[name], None) for name in outputs],
        [
            numpy_helper.from_array(np.asarray(values), name)
            for name, values in (weights or {}).items()
        ],
    )
    model = helper.make_model(bare, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    return onnx.shape_inference.infer_shapes(model, data_prop=True)


def node(op_type: str, inputs: str, outputs: str = "y", **attributes: Any) -> onnx.NodeProto:
    """A node; inputs and outputs are words, - for one that is left out. What makes y is named by
    its operator alone."""
    given = ["" if word == "-" else word for word in inputs.split()]
    made = outputs.split()
    name = op_type if made[0] == "y" else f"{op_type}_{made[0]}"
    return helper.make_node(op_type, given, made, name=name, **attributes)


def operators(model: onnx.ModelProto) -> list[str]:
    """Operators of the main graph in order."""
    return [each.op_type for each in model.graph.node]


def passed(
    model: onnx.ModelProto, name: str, sizes: Mapping[str, int] | None = None
) -> tuple[onnx.ModelProto, str]:
    """The graph after one pass behind its parity check, and the reason where it declined."""
    ledger = Ledger()
    after = run_passes(model, ledger=ledger, check=Check.random(model, sizes), order=(name,))
    (entry,) = ledger.entries
    return after, "" if entry.fired else entry.reason


def difference(
    before: onnx.ModelProto, after: onnx.ModelProto, sizes: Mapping[str, int] | None = None
) -> float:
    """Largest difference on seeded random inputs, by the largest value of each output."""
    feeds = random_feeds(before, sizes, seed=11)
    wanted, found = run(before, feeds), run(after, feeds)
    assert {name: array.shape for name, array in wanted.items()} == {
        name: array.shape for name, array in found.items()
    }
    differences = [
        np.abs(found[name].astype(np.float64) - array).max() / max(np.abs(array).max(), 1e-9)
        for name, array in wanted.items()
    ]
    return float(np.max(differences))  # NaN stays NaN, which the built-in max may pass over


def refusals(model: onnx.ModelProto, target: str | Target) -> list[str]:
    """Operators that a target refuses with the reason, each once, in order."""
    found = audit(model, load_target(target) if isinstance(target, str) else target).refused
    return list(dict.fromkeys(f"{each.operator}: {each.reason}" for each in found))
