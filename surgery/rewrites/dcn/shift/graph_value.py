"""Tensors that write ONNX nodes instead of computing, for the few operators of `dcn.shifted`.

The same Python code then computes in torch, and writes a graph of thousands of nodes in a second,
for which torch's exporters take minutes.
"""

from __future__ import annotations

from typing import Any, overload

import numpy as np
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ....graph.builder import Builder

END = np.iinfo(np.int64).max


class Writer(Builder):
    """Names all nodes and weights after ``prefix``; equal small constants are shared."""

    def __init__(self, prefix: str) -> None:
        super().__init__(lambda role: f"{prefix}.{role}_{len(self.nodes) + len(self.weights)}")
        self._known: dict[tuple[Any, ...], str] = {}

    def constant(self, array: NDArray[Any]) -> str:
        """Name of an initializer that holds ``array``."""
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._known:
            self._known[key] = self.weight(array, "constant")
        return self._known[key]

    def add(self, operator: str, *inputs: str, **attributes: Any) -> Value:
        """Append a node and return its output."""
        return Value(self, self.op(operator, *inputs, **attributes))


class Value:
    """An output of a node, with as much of a tensor's interface as `dcn.shifted` uses."""

    def __init__(self, writer: Writer, name: str) -> None:
        self.writer, self.name = writer, name

    def __mul__(self, other: Value | float) -> Value:
        return self.writer.add("Mul", self.name, self._operand(other))

    def __add__(self, other: Value | float) -> Value:
        return self.writer.add("Add", self.name, self._operand(other))

    def __getitem__(self, index: tuple[slice, ...]) -> Value:
        cuts = [(axis, cut) for axis, cut in enumerate(index) if cut != slice(None)]
        columns = zip(
            *(
                (cut.start or 0, END if cut.stop is None else cut.stop, axis, cut.step or 1)
                for axis, cut in cuts
            ),
            strict=True,
        )
        bounds = [self.writer.constant(np.array(column, np.int64)) for column in columns]
        return self.writer.add("Slice", self.name, *bounds)

    def relu(self) -> Value:
        """Relu."""
        return self.writer.add("Relu", self.name)

    def _operand(self, other: Value | float) -> str:
        if isinstance(other, Value):
            return other.name
        return self.writer.constant(np.array(other, np.float32))


@overload
def conv2d(x: Tensor, weight: Tensor, bias: Tensor | None = None, groups: int = 1) -> Tensor: ...
@overload
def conv2d(x: Value, weight: Tensor, bias: Tensor | None = None, groups: int = 1) -> Value: ...
def conv2d(
    x: Tensor | Value, weight: Tensor, bias: Tensor | None = None, groups: int = 1
) -> Tensor | Value:
    """1x1 convolution."""
    if isinstance(x, Tensor):
        return F.conv2d(x, weight, bias, groups=groups)
    arrays = [tensor.numpy(force=True) for tensor in (weight, bias) if tensor is not None]
    inputs = [x.name, *map(x.writer.constant, arrays)]
    return x.writer.add("Conv", *inputs, kernel_shape=[1, 1], group=groups)


@overload
def pad(x: Tensor, before: tuple[int, int], after: tuple[int, int]) -> Tensor: ...
@overload
def pad(x: Value, before: tuple[int, int], after: tuple[int, int]) -> Value: ...
def pad(x: Tensor | Value, before: tuple[int, int], after: tuple[int, int]) -> Tensor | Value:
    """Zeros above and left, below and right."""
    if isinstance(x, Tensor):
        return F.pad(x, (before[1], after[1], before[0], after[0]))
    ends = np.array([0, 0, *before, 0, 0, *after], np.int64)
    return x.writer.add("Pad", x.name, x.writer.constant(ends))
