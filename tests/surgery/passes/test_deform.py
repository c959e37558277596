"""BatchNormalization behind DeformConv goes into its weights, and nothing else does."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from surgery.graph.run import run
from surgery.passes.deform import DEFORM


def graph(*, bias: bool, read_twice: bool = False) -> onnx.ModelProto:
    """X -> DeformConv 3x3 (4 to 5 channels) -> BatchNormalization."""
    rng = np.random.default_rng(0)
    arrays = {
        "w": rng.normal(size=(5, 4, 3, 3)),
        "b": rng.normal(size=5),
        "scale": rng.normal(size=5),
        "shift": rng.normal(size=5),
        "mean": rng.normal(size=5),
        "var": rng.uniform(0.5, 2, size=5),
    }
    inputs = ["x", "w", "offset", "b" if bias else "", "mask"]
    nodes = [
        helper.make_node("DeformConv", inputs, ["y"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node(
            "BatchNormalization", ["y", "scale", "shift", "mean", "var"], ["z"], epsilon=1e-3
        ),
    ]
    shapes = {"x": (2, 4, 6, 7), "offset": (2, 18, 6, 7), "mask": (2, 9, 6, 7)}
    outputs = ["z", "y"] if read_twice else ["z"]
    return helper.make_model(
        helper.make_graph(
            nodes,
            "pair",
            [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in shapes.items()],
            [helper.make_tensor_value_info(n, TensorProto.FLOAT, (2, 5, 6, 7)) for n in outputs],
            [
                numpy_helper.from_array(array.astype(np.float32), name)
                for name, array in arrays.items()
                if bias or name != "b"
            ],
        ),
        opset_imports=[helper.make_opsetid("", 19)],
        ir_version=9,
    )


@pytest.mark.parametrize("bias", [True, False])
def test_the_folded_graph_gives_the_same_without_batch_normalization(bias: bool) -> None:
    before = graph(bias=bias)
    rng = np.random.default_rng(1)
    feeds = {
        value.name: rng.normal(size=[d.dim_value for d in value.type.tensor_type.shape.dim]).astype(
            np.float32
        )
        for value in before.graph.input
    }
    expected = run(before, feeds)["z"]
    after = DEFORM.apply(before)
    assert [node.op_type for node in after.graph.node] == ["DeformConv"]
    # float32 sums over 36 terms of scale 1 in another order: 2e-6 measured, relative to the scale.
    assert np.abs(run(after, feeds)["z"] - expected).max() < 1e-5 * np.abs(expected).max()


def test_a_convolution_that_something_else_reads_is_left_alone() -> None:
    model = graph(bias=True, read_twice=True)
    assert DEFORM.check(model) == "no BatchNormalization reads a DeformConv"
