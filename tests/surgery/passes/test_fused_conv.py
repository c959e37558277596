"""FusedConv of ONNX Runtime's own optimiser, taken apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper

from .graphs import difference, graph, node, operators, passed

ACTIVATIONS = {
    "": [], "Relu": [], "Sigmoid": [], "Tanh": [],
    "LeakyRelu": [0.2], "Clip": [-0.5, 0.5], "HardSigmoid": [0.3, 0.4],
}  # fmt: skip


@pytest.mark.parametrize("added", [False, True])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_gives_the_same(activation: str, added: bool) -> None:
    generator = np.random.default_rng(0)
    weights = {
        "w": generator.standard_normal((3, 3, 3, 3)).astype(np.float32),
        "b": generator.standard_normal(3).astype(np.float32),
    }
    plain = node("Conv", "x w b", pads=[1] * 4, kernel_shape=[3, 3])
    model = graph([plain], {"x": (1, 3, 6, 6)}, weights=weights)
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    (fused,) = model.graph.node
    fused.op_type, fused.domain = "FusedConv", "com.microsoft"
    if added:
        fused.input.append("x")
    if activation:
        fused.attribute.append(helper.make_attribute("activation", activation))
    if parameters := ACTIVATIONS[activation]:
        fused.attribute.append(helper.make_attribute("activation_params", parameters))
    after, reason = passed(model, "fused_conv")
    assert not reason
    assert "FusedConv" not in operators(after)
    assert difference(model, after) < 1e-6


def test_a_file_that_onnx_runtime_optimised_is_plain_again(tmp_path: Path) -> None:
    weights = {"w": np.random.default_rng(0).standard_normal((4, 3, 3, 3)).astype(np.float32)}
    model = graph([node("Conv", "x w", "c"), node("Relu", "c")], {"x": (1, 3, 8, 8)},
                  weights=weights, opset=13)  # fmt: skip
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    onnxruntime.InferenceSession(model.SerializeToString(), options)
    optimised = onnx.load(tmp_path / "optimised.onnx")
    assert operators(optimised) == ["FusedConv"]
    assert operators(passed(optimised, "fused_conv")[0]) == ["Conv", "Relu"]
