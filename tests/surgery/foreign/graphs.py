"""Graphs as other people's exporters write them, small and seeded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE, STRIDE, CLASSES = 64, 4, 3
TO_NHWC, TO_NCHW = [0, 2, 3, 1], [0, 3, 1, 2]


class Builder:
    """Nodes and weights collected in order; every method returns the name of what it made."""

    def __init__(self, seed: int = 0) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self._random = np.random.default_rng(seed)

    def weight(self, values: Any, name: str) -> str:
        self.weights.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def node(self, operator: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        name = f"node/{output}"
        self.nodes.append(helper.make_node(operator, inputs, [output], name=name, **attributes))
        return output

    def conv(self, source: str, sizes: tuple[int, int], output: str, **attributes: Any) -> str:
        """A 3x3 convolution of ``sizes`` (in, out) channels with a bias."""
        kernel = self._random.standard_normal((sizes[1], sizes[0], 3, 3)) / np.sqrt(9 * sizes[0])
        weight = self.weight(kernel.astype(np.float32), f"{output}.weight")
        bias = self._random.standard_normal(sizes[1]).astype(np.float32)
        bias_name = self.weight(bias, f"{output}.bias")
        attributes = {"pads": [1, 1, 1, 1], **attributes}
        return self.node("Conv", [source, weight, bias_name], output, **attributes)

    def model(
        self,
        inputs: Sequence[onnx.ValueInfoProto],
        outputs: Sequence[onnx.ValueInfoProto],
        opset: int = 17,
    ) -> onnx.ModelProto:
        graph = helper.make_graph(self.nodes, "found", inputs, outputs, self.weights)
        plugins = sorted({node.domain for node in self.nodes} - {""})
        imports = [("", opset), *((domain, 1) for domain in plugins)]
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid(*each) for each in imports], ir_version=8
        )
        onnx.checker.check_model(model, full_check=True)
        return model


def port(name: str, shape: Sequence[int | str | None], kind: int = TensorProto.FLOAT) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def trunk(build: Builder, source: str) -> str:
    """Two strided convolutions: eight channels at a quarter of the size."""
    first = build.node("Relu", [build.conv(source, (3, 8), "c1", strides=[2, 2])], "r1")
    return build.node("Relu", [build.conv(first, (8, 8), "c2", strides=[2, 2])], "r2")


def centernet(
    *, layout: str = "nhwc", dtype: int = TensorProto.FLOAT, probabilities: bool = False
) -> onnx.ModelProto:
    """Class heatmap ``tensor/b:0`` and l, t, r, b ``tensor/a:0`` in ``layout``, decoded by TopK.

    The input ``image:0`` is in ``layout``, too; outputs are ``scores`` and ``boxes``.
    """
    build = Builder()
    source = "image:0"
    if dtype != TensorProto.FLOAT:
        source = build.node("Cast", [source], "floats", to=TensorProto.FLOAT)
    by = np.float32([1 / 48, 1 / 64, 1 / 80])  # a channel, in the layout's last or second axis
    by = by if layout == "nhwc" else by.reshape(3, 1, 1)
    source = build.node("Mul", [source, build.weight(by, "by")], "scaled")
    if layout == "nhwc":
        source = build.node("Transpose", [source], "first", perm=TO_NCHW)
    feature = trunk(build, source)
    ends = {"b": build.conv(feature, (8, CLASSES), "hm"), "a": build.conv(feature, (8, 4), "wh")}
    ends["a"] = build.node("Softplus", [ends["a"]], "sizes")
    if probabilities:
        ends["b"] = build.node("Sigmoid", [ends["b"]], "likely")
    for letter, name in ends.items():
        kind = ("Transpose", {"perm": TO_NHWC}) if layout == "nhwc" else ("Identity", {})
        build.node(kind[0], [name], f"tensor/{letter}:0", **kind[1])
    _decode(build, 3 if layout == "nhwc" else 1)
    shape = [1, SIDE, SIDE, 3] if layout == "nhwc" else [1, 3, SIDE, SIDE]
    outputs = [port("scores", [1, 5]), port("boxes", [1, 5, 4])]
    return build.model([port("image:0", shape, dtype)], outputs)


def _decode(build: Builder, channels: int) -> None:
    """The five best pixels and the sizes there, as a graph would do it."""
    build.node("ReduceMax", ["tensor/b:0"], "best", axes=[channels], keepdims=0)
    flat = build.node("Reshape", ["best", build.weight(np.int64([1, -1]), "flat")], "row")
    five = build.weight(np.int64([5]), "five")
    build.nodes.append(helper.make_node("TopK", [flat, five], ["scores", "places"], name="top"))
    rest = "tensor/a:0"
    if channels == 1:
        rest = build.node("Transpose", [rest], "last", perm=TO_NHWC)
    table = build.node("Reshape", [rest, build.weight(np.int64([-1, 4]), "table")], "rows")
    build.node("Gather", [table, "places"], "boxes", axis=0)


def plain(
    shape: Sequence[int | str] = (1, 3, SIDE, SIDE), outputs: Sequence[str] = ("hm", "wh")
) -> onnx.ModelProto:
    """The heads of CenterNet as plain outputs: ``hm`` and ``wh``."""
    build = Builder()
    feature = trunk(build, "image")
    build.conv(feature, (8, CLASSES), "hm")
    build.conv(feature, (8, 2), "wh")
    sides = [None] * 4
    return build.model([port("image", shape)], [port(name, sides) for name in outputs])
