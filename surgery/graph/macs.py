"""Multiply-adds of a node, from the shapes around it: convolutions and matrix products.

Everything else costs memory traffic rather than arithmetic and counts as none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import onnx

from .shapes import Shape

# Position of the weight among the inputs.
_CONVOLUTIONS = {"Conv": 1, "ConvInteger": 1, "QLinearConv": 3, "DeformConv": 1, "FusedConv": 1}
_PRODUCTS = {"MatMul": 1, "MatMulInteger": 1, "QLinearMatMul": 3}
COUNTED = frozenset({*_CONVOLUTIONS, *_PRODUCTS, "ConvTranspose", "Gemm"})


def multiply_adds(node: onnx.NodeProto, shapes: Mapping[str, Shape]) -> int | None:
    """Return the multiply-adds of ``node``; None where a shape that decides it is not known."""
    if node.op_type in _CONVOLUTIONS:  # per output element: one filter (M, C/groups, kh, kw)
        weight = _sizes(node.input, _CONVOLUTIONS[node.op_type], shapes)
        out = _sizes(node.output, 0, shapes)
        return None if weight is None or out is None else math.prod(out) * math.prod(weight[1:])
    if node.op_type == "ConvTranspose":  # per input element: one filter (C, M/groups, kh, kw)
        weight, given = _sizes(node.input, 1, shapes), _sizes(node.input, 0, shapes)
        return None if weight is None or given is None else math.prod(given) * math.prod(weight[1:])
    if node.op_type == "Gemm":
        out, left = _sizes(node.output, 0, shapes), _sizes(node.input, 0, shapes)
        transposed = any(a.name == "transA" and a.i for a in node.attribute)
        if out is None or left is None or not left:
            return None
        return math.prod(out) * left[0 if transposed else -1]
    if node.op_type in _PRODUCTS:
        out, left = _sizes(node.output, 0, shapes), _sizes(node.input, 0, shapes)
        return None if out is None or not left else math.prod(out) * left[-1]
    return 0


def _sizes(
    names: Sequence[str], position: int, shapes: Mapping[str, Shape]
) -> tuple[int, ...] | None:
    shape = shapes.get(names[position]) if position < len(names) else None
    if shape is None:
        return None
    sizes = tuple(dim for dim in shape if isinstance(dim, int))
    return sizes if len(sizes) == len(shape) else None
