"""Nodes and weights of a graph in the making, written one after another.

Each call adds one and returns the name of the tensor that it makes. Who builds says how new tensors
are called.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper


class Builder:
    """Collects nodes and weights.

    Args:
        named: a new tensor's name from its role: the operator's name, or what a weight is for.

    Attributes:
        nodes, weights: in the order in which they were added.
    """

    def __init__(self, named: Callable[[str], str]) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.fresh = named

    def op(self, op_type: str, *inputs: str, **attributes: Any) -> str:
        """Add a node of one output, called like it."""
        return self.ops(op_type, 1, *inputs, **attributes)[0]

    def ops(self, op_type: str, outputs: int, *inputs: str, **attributes: Any) -> list[str]:
        """Add a node of several outputs."""
        name = self.fresh(op_type)
        names = [name] if outputs == 1 else [f"{name}.{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op_type, inputs, names, name=name, **attributes))
        return names

    def weight(self, values: NDArray[Any], role: str = "weight") -> str:
        """Add an initializer."""
        name = self.fresh(role)
        self.weights.append(numpy_helper.from_array(np.asarray(values, order="C"), name))
        return name

    def ints(self, *values: int, role: str = "values") -> str:
        """Add an int64 initializer of rank 1."""
        return self.weight(np.array(values, np.int64), role)
