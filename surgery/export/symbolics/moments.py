"""Mean and variance over some axes in ordinary operators, for the normalisations without a node.

    y = (x - mean(x)) / sqrt(mean((x - mean(x))^2) + epsilon)

The variance is that of the centred values, as torch computes it, and not mean(x^2) - mean(x)^2,
which loses its digits where the mean is large.
"""

from __future__ import annotations

from collections.abc import Sequence

from .base import Nodes, Value

AXES_AS_INPUT = 18  # from this opset on, ReduceMean takes its axes as an input


def mean(nodes: Nodes, x: Value, axes: Sequence[int]) -> Value:
    """Return the mean of ``x`` over ``axes``, which keep the size 1."""
    if nodes.opset >= AXES_AS_INPUT:
        return nodes.op("ReduceMean", x, nodes.constant(list(axes)), keepdims=1)
    return nodes.op("ReduceMean", x, axes=list(axes), keepdims=1)


def normalized(nodes: Nodes, x: Value, axes: Sequence[int], epsilon: float) -> Value:
    """Return ``x`` with mean 0 and variance 1 over ``axes``."""
    op = nodes.op
    centred = op("Sub", x, mean(nodes, x, axes))
    variance = mean(nodes, op("Mul", centred, centred), axes)
    root = op("Sqrt", op("Add", variance, nodes.constant(epsilon, x)))
    return op("Div", centred, root)


def affine(nodes: Nodes, x: Value, weight: Value | None, bias: Value | None) -> Value:
    """Return ``x * weight + bias``, each left out where it is None."""
    if weight is not None:
        x = nodes.op("Mul", x, weight)
    return x if bias is None else nodes.op("Add", x, bias)


def affine_by_channel(
    nodes: Nodes, x: Value, weight: Value | None, bias: Value | None, rank: int
) -> Value:
    """:func:`affine` of x (N, C, ...) with ``weight`` and ``bias`` (C,)."""
    return affine(nodes, x, per_channel(nodes, weight, rank), per_channel(nodes, bias, rank))


def per_channel(nodes: Nodes, values: Value | None, rank: int) -> Value | None:
    """Return ``values`` (C,) as (1, C, 1, ...) for a tensor of ``rank`` axes."""
    if values is None:
        return None
    return nodes.op("Reshape", values, nodes.constant([1, -1, *[1] * (rank - 2)]))
