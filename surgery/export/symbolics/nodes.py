"""The two graph builders of torch's exporters behind :class:`~.base.Nodes`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnxscript
import torch
from numpy.typing import NDArray
from onnx import TensorProto
from torch.onnx import symbolic_helper

from .base import Symbolic, Value

Constant = float | Sequence[int] | NDArray[np.generic]


class _ScriptNodes:
    """Nodes of a TorchScript graph: attributes carry their kind in a suffix."""

    def __init__(self, graph: Any) -> None:
        self._graph = graph

    @property
    def opset(self) -> int:
        return int(self._graph.opset)

    def op(self, operator: str, *inputs: Value, **attributes: Any) -> Value:
        return self._graph.op(
            operator, *inputs, **{_suffixed(k, v): v for k, v in attributes.items()}
        )

    def constant(self, value: Constant, like: Value | None = None) -> Value:
        tensor = torch.tensor(value)
        if tensor.is_floating_point():
            tensor = tensor.to(_script_type(like).dtype())
        return self._graph.op("Constant", value_t=tensor)

    def cast(self, value: Value, like: Value | None = None) -> Value:
        kind = TensorProto.INT64 if like is None else int(_script_type(like).onnx_type())
        return self._graph.op("Cast", value, to_i=kind)

    def rank(self, value: Value) -> int | None:
        rank: int | None = symbolic_helper._get_tensor_rank(value)
        return rank

    def shape(self, value: Value) -> tuple[int | None, ...] | None:
        sizes = symbolic_helper._get_tensor_sizes(value)
        return None if sizes is None else tuple(sizes)


def _suffixed(name: str, value: Any) -> str:
    first = value[0] if isinstance(value, (list, tuple)) else value
    kinds = {str: "s", float: "f"}
    return f"{name}_{kinds.get(type(first), 'i')}"


def _script_type(value: Value | None) -> Any:
    """Element type of a value as torch.onnx names it; float32 where it is not known."""
    kinds = torch.onnx.JitScalarType  # type: ignore[attr-defined]
    return kinds.FLOAT if value is None else kinds.from_value(value, kinds.FLOAT)


# The traced exporter writes in opset 18 and converts. What came later is written in its own opset:
# a symbolic that needs it says so by its ``opsets``.
_NEWER = (onnxscript.opset19, onnxscript.opset20, onnxscript.opset21)


class _TracedNodes:
    """Nodes of the exporter through ``torch.export``, which records calls of onnxscript."""

    def __init__(self, opset: onnxscript.values.Opset) -> None:
        self._opset = opset

    @property
    def opset(self) -> int:
        return int(self._opset.version)

    def op(self, operator: str, *inputs: Value, **attributes: Any) -> Value:
        candidates = (self._opset, *_NEWER)
        opset = next((each for each in candidates if hasattr(each, operator)), self._opset)
        made = getattr(opset, operator)(*inputs, **attributes)
        return made[0] if isinstance(made, Sequence) else made  # MaxPool's indices for example

    def constant(self, value: Constant, like: Value | None = None) -> Value:
        kind = getattr(like, "dtype", None)
        array = np.asarray(value)
        if array.dtype.kind == "f":
            array = array.astype(np.float32 if kind is None else kind.numpy())
        return self._opset.Constant(value=onnxscript.ir.serde.to_proto(onnxscript.ir.tensor(array)))

    def cast(self, value: Value, like: Value | None = None) -> Value:
        kind: int = TensorProto.INT64
        if like is not None:
            kind = TensorProto.FLOAT if like.dtype is None else int(like.dtype)
        return self._opset.Cast(value, to=kind)

    def rank(self, value: Value) -> int | None:
        return None if value.shape is None else len(value.shape)

    def shape(self, value: Value) -> tuple[int | None, ...] | None:
        if value.shape is None:
            return None
        return tuple(size if isinstance(size, int) else None for size in value.shape)


def script_function(symbolic: Symbolic) -> Callable[..., Any]:
    """Return ``symbolic`` as the TorchScript exporter calls it."""

    def function(graph: Any, *arguments: Any) -> Any:
        given = (None if symbolic_helper._is_none(a) else a for a in arguments)
        return symbolic.translate(_ScriptNodes(graph), *given)

    # parse_args reads the number of arguments off the signature.
    names = [f"argument{i}" for i in range(len(symbolic.arguments))]
    parameters = [
        inspect.Parameter(n, inspect.Parameter.POSITIONAL_OR_KEYWORD) for n in ("graph", *names)
    ]
    function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    function.__annotations__.clear()  # torch 2.1 asks of a class there whether it is its own
    kinds: Any = symbolic.arguments
    parsed: Callable[..., Any] = symbolic_helper.parse_args(*kinds)(function)
    return parsed


class _Traced:
    """A symbolic as the exporter through ``torch.export`` calls it for one overload.

    No function, so that the exporter infers no signature from it and takes it for every call: up to
    torch 2.12 one that is inferred from ``*arguments`` fits no call, and where torchvision is
    installed its own form of an operator is written then, at opsets that do not have it.
    """

    def __init__(self, symbolic: Symbolic, overload: Any) -> None:
        self._translate = symbolic.translate
        self._schema = overload._schema.arguments

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        # The traced call leaves out what has its default value.
        left = self._schema[len(arguments) :]
        rest = [keywords.get(each.name, each.default_value) for each in left]
        written = self._translate(_TracedNodes(onnxscript.opset18), *arguments, *rest)
        if not isinstance(written, tuple):
            return written
        return tuple(onnxscript.ir.Value() if value is None else value for value in written)


def traced_function(symbolic: Symbolic, overload: Any) -> Callable[..., Any]:
    """Return ``symbolic`` as the exporter through ``torch.export`` calls it for ``overload``."""
    return _Traced(symbolic, overload)
