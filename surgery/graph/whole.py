"""Whether a foreign model is a whole graph: every tensor made once, before it is read, with values.

ONNX's own checker is strict about more than that (types, attributes), and speaks of one message in
memory; many files that run are refused by it. What is refused here no step could work with.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

import onnx
from onnx import TensorProto

from postprocess.errors import InputError

from .modules import all_nodes
from .view import reads
from .weights import all_tensors, is_outside, size_of

_VALUES = ("float_data", "int32_data", "string_data", "int64_data", "double_data", "uint64_data")


def check_whole(model: onnx.ModelProto, place: str) -> None:
    """Refuse a model that no step can work with.

    Args:
        model: left as it is.
        place: where it is from, for the message.

    Raises:
        InputError: naming the first node or tensor at fault.
    """
    if not model.graph.node or not model.graph.output:
        raise InputError(f"{place} holds a graph of no nodes or no outputs: there is nothing to do")
    check_domains(model, place)
    for tensor in all_tensors(model.graph):
        _check_values(tensor, place)
    _check_order(model.graph, place)


def check_domains(model: onnx.ModelProto, place: str) -> None:
    """Refuse an opset that there is not, and a node of a domain that is not imported.

    Raises:
        InputError: naming the first such node.
    """
    for entry in model.opset_import:
        if entry.version < 1:
            raise InputError(
                f"{place} imports opset {entry.version} of {entry.domain or 'ai.onnx'}"
            )
    imported = {entry.domain or "ai.onnx" for entry in model.opset_import}
    for node in all_nodes(model.graph):
        if (node.domain or "ai.onnx") not in imported:
            raise InputError(
                f"{place}: node {called(node)} is of domain {node.domain or 'ai.onnx'!r}, which "
                f"the model does not import (it imports {', '.join(sorted(imported)) or 'none'})"
            )


def _check_values(tensor: TensorProto, place: str) -> None:
    """Refuse a tensor whose values are not as many as its shape says."""
    shape = f"{place}: tensor {tensor.name!r} of shape ({','.join(map(str, tensor.dims))})"
    if min(tensor.dims, default=0) < 0:
        raise InputError(f"{shape}: no size can be negative")
    try:
        size = size_of(tensor)
    except InputError as error:
        raise InputError(f"{place}: {error}") from error
    if is_outside(tensor):
        return
    if tensor.HasField("raw_data"):
        if len(tensor.raw_data) != size:
            raise InputError(
                f"{shape} takes {size:,} bytes, the file holds {len(tensor.raw_data):,}"
            )
    elif prod(tensor.dims) and not any(len(getattr(tensor, field)) for field in _VALUES):
        raise InputError(f"{shape} holds no values")


def _check_order(graph: onnx.GraphProto, place: str) -> None:
    """Refuse what is made twice, or read before it is made."""
    weights = [tensor.name for tensor in graph.initializer]
    weights += [tensor.values.name for tensor in graph.sparse_initializer]
    inputs = [value.name for value in graph.input]
    for kind, names in (("input", inputs), ("weight", weights)):
        if twice := _twice(names):
            raise InputError(f"{place}: two {kind}s are called {twice!r}")
    made = [name for node in graph.node for name in node.output if name]
    if twice := _twice([*made, *{*inputs, *weights}]):
        raise InputError(f"{place}: tensor {twice!r} is made twice: the graph is not valid")
    known, later = {*inputs, *weights}, set(made)
    for node in graph.node:
        for name in sorted(reads(node) - known):
            how = "is made only behind it" if name in later else "nothing makes"
            raise InputError(
                f"{place}: node {called(node)} reads {name!r}, which {how}: the file is not a "
                "whole graph in order"
            )
        known.update(node.output)
    for value in graph.output:
        if value.name not in known:
            raise InputError(f"{place}: nothing makes output {value.name!r}: not a whole graph")


def called(node: onnx.NodeProto) -> str:
    """A node in words: its name, else its first output, and its operator."""
    return f"{node.name or next(iter(node.output), '')!r} ({node.op_type})"


def _twice(names: Iterable[str]) -> str:
    """The first name that comes twice, "" where none does."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return ""
