"""``circlenet::rms_norm`` in ONNX: x * Reciprocal(Sqrt(mean of squares + epsilon)) * scale."""

from __future__ import annotations

from dataclasses import dataclass

from surgery.export.symbolics import Nodes, Value

from .network import EPSILON

AXES_AS_INPUT = 18  # from this opset on, ReduceMean takes its axes as an input


@dataclass(frozen=True)
class RmsNormSymbolic:
    """The operator's nodes, for both exporters."""

    name: str = "circlenet.rms_norm"
    summary: str = "circlenet::rms_norm in ordinary operators"
    operators: tuple[str, ...] = ("circlenet::rms_norm",)
    arguments: tuple[str, ...] = ("v", "v")
    opsets: range = range(11, 24)
    exact: bool = True

    def translate(self, nodes: Nodes, x: Value, scale: Value) -> Value:
        """Write x (N, C, H, W) over its root mean square, times scale (C,)."""
        op, constant = nodes.op, nodes.constant
        squares = op("Mul", x, x)
        if nodes.opset >= AXES_AS_INPUT:
            mean = op("ReduceMean", squares, constant([1]), keepdims=1)
        else:
            mean = op("ReduceMean", squares, axes=[1], keepdims=1)
        root = op("Reciprocal", op("Sqrt", op("Add", mean, constant(EPSILON, x))))
        per_channel = op("Reshape", scale, constant([1, -1, 1, 1]))
        return op("Mul", op("Mul", x, root), per_channel)


RMS_NORM = RmsNormSymbolic()
