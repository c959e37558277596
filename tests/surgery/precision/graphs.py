"""A narrow graph of three convolutions, as ONNX's own helper writes it."""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

LAYERS = ("first", "second", "third")


SIDE = 32


def three_convolutions(gain: float = 1.0, opset: int = 17, outlier: float = 1.0) -> onnx.ModelProto:
    """Conv, Relu, Conv, Relu, Conv on (1, 3, 32, 32).

    Args:
        gain: of the second convolution, undone by the third.
        opset: of the graph.
        outlier: factor on one channel of the second convolution, undone by the third.
    """
    generator = np.random.default_rng(0)
    nodes, weights = [], []
    previous = "image"
    for name, inside, outside, factor in zip(
        LAYERS, (3, 8, 8), (8, 8, 2), (1.0, gain, 1 / gain), strict=True
    ):
        kernel = generator.standard_normal((outside, inside, 3, 3)) * factor / np.sqrt(9 * inside)
        if name == "second":
            kernel[0] *= outlier
        if name == "third":
            kernel[:, 0] /= outlier
        weights.append(numpy_helper.from_array(kernel.astype(np.float32), f"{name}.weight"))
        output = "head" if name == LAYERS[-1] else f"{name}.out"
        nodes.append(
            helper.make_node("Conv", [previous, f"{name}.weight"], [output], name, pads=[1] * 4)
        )
        if output != "head":
            previous = f"{name}.active"
            nodes.append(helper.make_node("Relu", [output], [previous], f"{name}.relu"))
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "narrow",
        [value("image", TensorProto.FLOAT, [1, 3, SIDE, SIDE])],
        [value("head", TensorProto.FLOAT, [1, 2, SIDE, SIDE])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


def pictures(count: int = 4) -> list[dict[str, NDArray[np.float32]]]:
    """Seeded inputs of the graph."""
    generator = np.random.default_rng(1)
    return [
        {"image": generator.standard_normal((1, 3, SIDE, SIDE)).astype(np.float32)}
        for _ in range(count)
    ]


def weight_types(model: onnx.ModelProto) -> dict[str, int]:
    """ONNX's element type of every initializer by name."""
    return {tensor.name: tensor.data_type for tensor in model.graph.initializer}
