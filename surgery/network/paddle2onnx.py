"""The convolutions of an ONNX file as paddle2onnx writes it, for `models.checkpoints`.

paddle2onnx lists weights as initializers and again as graph inputs, or gives them as Constant
nodes; BatchNorm is folded or not; a bias is an input of Conv or an Add behind it.  Names drift from
version to version, so only the wiring is read.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from models.checkpoints.convolutions import Array, FoundConv, FoundNorm
from models.errors import CheckpointError

SUFFIX = ".onnx"
FIRST_BYTE = b"\x08"  # of field 1, the IR version, which every writer puts first
LEAST_INPUTS = {"Constant": 0, "Conv": 2, "BatchNormalization": 5, "Add": 2, "Identity": 1}
SIZES = ("Shape", "Size")  # their outputs carry no values of the image


def is_onnx(path: str | Path) -> bool:
    """Whether a file is called as ONNX files are, or holds such a graph under another name.

    The format has no signature, so a file that begins like one is read.
    """
    if Path(path).suffix.lower() == SUFFIX:
        return True
    try:
        with Path(path).open("rb") as file:
            if file.read(1) != FIRST_BYTE:
                return False
        return len(onnx.load(str(path), load_external_data=False).graph.node) > 0
    except Exception:  # no such file, or no such format: protobuf's DecodeError has no public home
        return False


def read_convolutions(path: str | Path) -> list[FoundConv]:
    """The 2-D convolutions of a graph, in its order.

    Raises CheckpointError where the file is no ONNX file, or a convolution's weights are computed.
    """
    try:
        model = onnx.load(str(path))
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror or error}") from error
    except Exception as error:  # protobuf's DecodeError has no public home
        raise CheckpointError(f"{path} is not an ONNX file: {error}") from error
    return _Reader(model.graph, path).found


class _Reader:
    """Walks a graph once, front to back."""

    def __init__(self, graph: onnx.GraphProto, path: str | Path) -> None:
        self.path = path
        self.found: list[FoundConv] = []
        self.constants = {each.name: each for each in graph.initializer}
        self.sources: dict[str, frozenset[int]] = {}
        self.direct: dict[str, int] = {}  # tensors that are a convolution's own result
        for node in graph.node:
            self._visit(node)

    def _visit(self, node: onnx.NodeProto) -> None:
        least = LEAST_INPUTS.get(node.op_type, 0)
        if len(node.input) < least or (node.op_type in LEAST_INPUTS and not node.output):
            raise CheckpointError(
                f"{self.path}: {node.op_type} {node.name!r} has {len(node.input)} inputs and "
                f"{len(node.output)} outputs, expected {least} and one"
            )
        if node.op_type == "Constant":
            value = _attributes(node).get("value")
            if isinstance(value, onnx.TensorProto):
                self.constants[node.output[0]] = value
            return
        feeds = frozenset[int]().union(*(self.sources.get(name, ()) for name in node.input))
        if node.op_type == "Conv":
            self.direct[node.output[0]] = len(self.found)
            self.found.append(self._convolution(node, feeds))
            feeds = frozenset({len(self.found) - 1})
        elif node.op_type == "BatchNormalization":
            self._batch_norm(node)
        elif node.op_type == "Add":
            self._bias(node)
        elif node.op_type == "Identity" and node.input[0] in self.constants:
            self.constants[node.output[0]] = self.constants[node.input[0]]
        elif node.op_type in SIZES:
            feeds = frozenset()
        self.sources |= dict.fromkeys(node.output, feeds)

    def _constant(self, node: onnx.NodeProto, index: int) -> Array:
        name = node.input[index]
        if name not in self.constants:
            raise CheckpointError(
                f"{self.path}: input {name!r} of {node.op_type} {node.name!r} is computed in the "
                "graph; only stored weights can be imported"
            )
        tensor = self.constants[name]
        try:
            return numpy_helper.to_array(tensor).astype(np.float32)
        except (ValueError, TypeError, KeyError) as error:  # its size, its type, one there is not
            raise CheckpointError(
                f"{self.path}: cannot read {name!r} of element type {tensor.data_type} and shape "
                f"{tuple(tensor.dims)}: {error}"
            ) from error

    def _convolution(self, node: onnx.NodeProto, feeds: frozenset[int]) -> FoundConv:
        stride = self._integers(node, "strides", (1, 1))
        return FoundConv(
            name=node.name or node.output[0],
            weight=self._constant(node, 1),
            bias=self._constant(node, 2) if len(node.input) > 2 and node.input[2] else None,
            norm=None,
            stride=(stride[0], stride[-1]),
            groups=self._integers(node, "group", (1,))[0],
            feeds=feeds,
        )

    def _integers(
        self, node: onnx.NodeProto, name: str, default: tuple[int, ...]
    ) -> tuple[int, ...]:
        """An attribute of one or more positive numbers."""
        found = _attributes(node).get(name, default)
        numbers = tuple(found) if isinstance(found, (list, tuple)) else (found,)
        if len(numbers) != len(default) or any(type(n) is not int or n < 1 for n in numbers):
            raise CheckpointError(
                f"{self.path}: {node.op_type} {node.name!r} expects {len(default)} positive "
                f"numbers as {name}, got {str(found)[:60]}"
            )
        return numbers

    def _batch_norm(self, node: onnx.NodeProto) -> None:
        index = self.direct.get(node.input[0])
        if index is None:
            raise CheckpointError(
                f"{self.path}: BatchNormalization {node.name!r} follows no convolution"
            )
        weight, bias, mean, variance = (self._constant(node, each) for each in range(1, 5))
        eps = _attributes(node).get("epsilon", 1e-5)
        if not isinstance(eps, float):
            raise CheckpointError(f"{self.path}: epsilon of {node.name!r} is no number")
        norm = FoundNorm(weight, bias, mean, variance, eps)
        self.found[index] = replace(self.found[index], norm=norm)

    def _bias(self, node: onnx.NodeProto) -> None:
        """An Add of one number a channel, right behind a convolution without bias."""
        for tensor, constant in ((0, 1), (1, 0)):
            index = self.direct.get(node.input[tensor])
            if index is None or node.input[constant] not in self.constants:
                continue
            conv, values = self.found[index], self._constant(node, constant)
            per_channel = (len(conv.weight), 1, 1)
            if values.shape[-3:] == per_channel and values.size == len(conv.weight):
                total = values.reshape(-1) + (0 if conv.bias is None else conv.bias)
                self.found[index] = replace(conv, bias=total)
                self.direct[node.output[0]] = index


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """Attributes by name; those of no type, or of a function's parameter, are left out."""
    return {
        each.name: helper.get_attribute_value(each)
        for each in node.attribute
        if each.type != onnx.AttributeProto.UNDEFINED and not each.ref_attr_name
    }
