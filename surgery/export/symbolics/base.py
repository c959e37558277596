"""What a symbolic is: the contract that ours and other packages' symbolics satisfy by structure.

torch calls the function that writes an operator's ONNX nodes a symbolic. Its two exporters hand
such a function different graph builders; here one function serves both, through :class:`Nodes`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Value = Any
"""A tensor in the graph that is being written; its type depends on the exporter."""


class Nodes(Protocol):
    """The graph that is being written."""

    @property
    def opset(self) -> int:
        """Opset that the nodes are written in; a conversion to another one may follow."""

    def op(self, operator: str, *inputs: Value, **attributes: Any) -> Value:
        """Write a node of the ``ai.onnx`` domain with one output, and return that.

        Args:
            operator: its name, for example "Mul".
            inputs: tensors of the graph, in order.
            attributes: by ONNX's names: int, float, str or lists of one of them.
        """

    def constant(
        self, value: float | Sequence[int] | NDArray[np.generic], like: Value | None = None
    ) -> Value:
        """Write a constant: int64 for ints or a list of ints, otherwise floating point.

        Args:
            value: a scalar, a list of ints for a vector, or an array.
            like: a float constant gets the element type of this tensor; float32 without it.
        """

    def cast(self, value: Value, like: Value | None = None) -> Value:
        """Write a Cast to the element type of ``like``, or to int64 without it."""

    def rank(self, value: Value) -> int | None:
        """Return the number of axes of a tensor, None where the exporter does not know it."""

    def shape(self, value: Value) -> tuple[int | None, ...] | None:
        """Return a tensor's sizes, None for an open one and where even their number is unknown."""


class Symbolic(Protocol):
    """One operator's translation; stateless, so that one object serves every export."""

    @property
    def name(self) -> str:
        """What users call it in ``surgery.symbolics``."""

    @property
    def summary(self) -> str:
        """One line for ``task=list``."""

    @property
    def operators(self) -> Sequence[str]:
        """Operators of torch that it writes, for example "aten::grid_sampler"."""

    @property
    def arguments(self) -> Sequence[str]:
        """Kinds of their arguments as ``torch.onnx.symbolic_helper.parse_args`` names them.

        "v" is a tensor; "i", "f", "b", "s" and "is" are plain values.
        """

    @property
    def opsets(self) -> range:
        """Opsets of the finished graph for which it is wanted."""

    @property
    def exact(self) -> bool:
        """Whether the nodes compute the same, up to float rounding."""

    def translate(self, nodes: Nodes, *arguments: Any) -> Value | tuple[Value | None, ...]:
        """Write the operator's nodes and return its output.

        Tensors that the caller leaves out arrive as None. Of several outputs, a tuple; None in it
        stands for one that is not written, and an export of a network that uses it fails.

        Raises:
            InputError: the operator is used in a way that this symbolic does not write.
        """
