"""Small graphs, written in ONNX's own text form, and how to run one."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper, parser

from surgery.graph.run import feeds_for, run
from surgery.graph.shapes import inputs_of

Arrays = dict[str, Any]


def graph(text: str, opset: int = 17, **weights: Any) -> onnx.ModelProto:
    """A model of one graph; weights by name."""
    model = parser.parse_model(f'<ir_version: 8, opset_import: ["": {opset}]> {text}')
    model.graph.initializer.extend(
        numpy_helper.from_array(np.asarray(values), name) for name, values in weights.items()
    )
    return model


def network(opset: int = 17) -> onnx.ModelProto:
    """A convolution, then two heads: one of them scaled by a second input."""
    kernel = np.random.default_rng(0).standard_normal((4, 3, 1, 1)).astype(np.float32)
    return graph(
        """net (float[N,3,8,8] image, float[1] scale) => (float[N,4,8,8] heat, float[N,4,8,8] size)
        {
          [stem] a = Conv(image, w)
          [act] b = Relu(a)
          [end] heat = Sigmoid(b)
          [times] size = Mul(b, scale)
        }""",
        opset,
        w=kernel,
    )


def branching() -> onnx.ModelProto:
    """A subgraph that captures a tensor of the main graph."""
    return graph(
        """net (float[2] x) => (float[2] y)
        {
          a = Neg(x)
          [sum] s = ReduceSum <keepdims = 0> (x)
          c = Less(s, zero)
          [choose] y = If (c) <
            then_branch = left () => (float[2] t) { t = Exp(a) },
            else_branch = right () => (float[2] e) { e = Abs(a) }
          >
        }""",
        zero=np.float32(0),
    )


def inputs(model: onnx.ModelProto) -> Arrays:
    """Seeded inputs."""
    return feeds_for(inputs_of(model))


def outputs(model: onnx.ModelProto, feeds: Arrays) -> Arrays:
    """What ONNX Runtime gives, after the checker has had its say."""
    onnx.checker.check_model(model, full_check=True)
    return run(model, feeds)


def names(model: onnx.ModelProto) -> tuple[list[str], list[str]]:
    """Inputs and outputs."""
    return [v.name for v in inputs_of(model)], [v.name for v in model.graph.output]
