"""Reshape, Transpose, Reshape over more than four axes."""

from __future__ import annotations

import numpy as np
import onnx

from surgery.graph.shapes import infer, shapes

from .graphs import graph, node


def chain(
    before: tuple[int | str, ...],
    middle: tuple[int, ...],
    axes: tuple[int, ...],
    after: tuple[int, ...],
) -> onnx.ModelProto:
    return graph(
        [
            node("Reshape", "x a", "b"),
            node("Transpose", "b", "c", perm=axes),
            node("Reshape", "c d"),
        ],
        {"x": before},
        weights={"a": np.array(middle), "d": np.array(after)},
    )


def ranks(model: onnx.ModelProto) -> int:
    """The largest rank of a tensor."""
    return max(len(shape) for shape in shapes(infer(model)).values())
