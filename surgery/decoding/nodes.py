"""Nodes of a decoding graph, written one after another: each call returns the tensor's name.

What the operator sets disagree on from version to version (axes as attribute or input) is settled
here. Operators and forms are those of opset 11.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from postprocess.errors import InputError

from ..graph.builder import Builder
from ..graph.shapes import shape_of

OLDEST_OPSET = 11
_AXES_AS_INPUT = {"ReduceSum": 13, "ReduceMax": 18, "ReduceMin": 18, "ReduceMean": 18}


class Nodes(Builder):
    """A graph in the making.

    Args:
        heads: its inputs; axes may be open, channels not.
        opset: of the domain ``ai.onnx``.

    Raises:
        InputError: the opset is too old.
    """

    def __init__(self, heads: Sequence[onnx.ValueInfoProto], opset: int) -> None:
        if opset < OLDEST_OPSET:
            raise InputError(f"decoding in the graph needs opset {OLDEST_OPSET}, it is of {opset}")
        super().__init__(self._named)
        self._heads = {head.name: head for head in heads}
        self._opset = opset
        self._used: dict[str, onnx.ValueInfoProto] = {}
        self._count: dict[str, int] = {}

    def head(self, name: str, rank: int, channels: int | None = None, layout: str = "nchw") -> str:
        """A head as (N,C,H,W), or (N,K,L) for rank 3, in float32.

        Raises:
            InputError: there is none of that name, or it has another rank or number of channels.
        """
        if name not in self._heads:
            listed = ", ".join(self._heads)
            raise InputError(f"the decoder needs head {name!r}, the graph gives {listed}")
        value = self._heads[name]
        shape = shape_of(value)
        at = 3 if layout == "nhwc" and rank == 4 else 1
        if shape is None or len(shape) != rank or channels not in (None, shape[at]):
            wanted = f"{rank} axes" + ("" if channels is None else f" and {channels} channels")
            raise InputError(f"head {name!r} expects {wanted}, the graph gives {shape}")
        self._used[name] = value
        result = name
        if value.type.tensor_type.elem_type != TensorProto.FLOAT:
            result = self.op("Cast", result, to=TensorProto.FLOAT)
        if at == 3:
            result = self.op("Transpose", result, perm=[0, 3, 1, 2])
        return result

    def constant(self, values: Any, dtype: Any = np.float32) -> str:
        """A constant."""
        return self.weight(np.asarray(values, dtype), "constant")

    def reshape(self, tensor: str, *shape: int) -> str:
        """Another shape; 0 keeps a side, -1 is what is left."""
        return self.op("Reshape", tensor, self.ints(*shape, role="constant"))

    def reduce(self, op: str, tensor: str, *axes: int, keep: bool = False) -> str:
        """ReduceMax, ReduceMin, ReduceSum or ReduceMean."""
        if self._opset >= _AXES_AS_INPUT[op]:
            return self.op(op, tensor, self.ints(*axes, role="constant"), keepdims=int(keep))
        return self.op(op, tensor, axes=list(axes), keepdims=int(keep))

    def cast(self, tensor: str, dtype: Any) -> str:
        """Another element type."""
        return self.op("Cast", tensor, to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def side(self, tensor: str, axis: int) -> str:
        """(1,) int64: a side of a tensor."""
        return self.op("Gather", self.op("Shape", tensor), self.ints(axis, role="constant"))

    def at_least(self, a: str, b: str) -> str:
        """a >= b; false where one is NaN."""
        return self.op("Or", self.op("Greater", a, b), self.op("Equal", a, b))

    def channels(self, head: str) -> int | str:
        """The second axis of a head."""
        shape = shape_of(self._heads[head]) or (None, None)
        return shape[1] or "channels"

    def model(
        self, outputs: Sequence[tuple[str, str, Any, Sequence[int | str]]]
    ) -> onnx.ModelProto:
        """The graph.

        Args:
            outputs: name, tensor, dtype and shape of each.
        """
        names, ends = {}, []
        for name, tensor, dtype, shape in outputs:
            names[tensor] = name
            kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
            ends.append(helper.make_tensor_value_info(name, kind, shape))
        for node in self.nodes:
            node.input[:] = [names.get(each, each) for each in node.input]
            node.output[:] = [names.get(each, each) for each in node.output]
        graph = helper.make_graph(
            self.nodes, "decode", list(self._used.values()), ends, self.weights
        )
        opsets = [helper.make_opsetid("", self._opset)]
        oldest = helper.find_min_ir_version_for(opsets, True)
        return helper.make_model(graph, opset_imports=opsets, ir_version=max(4, oldest))

    def _named(self, stem: str) -> str:
        count = self._count[stem] = self._count.get(stem, -1) + 1
        return f"decode/{stem}" + (f"_{count}" if count else "")
