"""Whole numbers of 64 bits in 32."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ..graph.intervals import Interval, intervals
from ..graph.modules import all_nodes, subgraphs
from ..graph.schemas import schema_at
from ..graph.view import View
from .base import EVERY_OPSET, GraphPass
from .node_pass import Answer, Array, Draft, NodePass, attribute

_LIMITS = np.iinfo(np.int32)
_SUFFIX = ".int32"


@dataclass(frozen=True)
class _Int32(GraphPass):
    """Computing with indices in int32 instead of int64, where no number can leave its range.

    ArgMax, NonZero and TopK give int64, torch computes on indices in int64, and so a decoded
    position, a mask that is counted or a cast "to long" runs in a type that NNAPI has not, and that
    WebGPU and most accelerators emulate ("int64 tensors, takes float32, int32, ..."). ONNX lets
    nearly all operators that such code is made of work in int32 as well.

    Exact where every number is known to fit: the bounds of each tensor are followed through the
    graph (:mod:`surgery.graph.intervals`), starting at lengths of axes, constants and booleans, and
    a node whose result might not fit stays in int64, as does what comes of floating point or the
    caller. What must be int64 (shapes for Reshape, indices of GatherND and ScatterND, outputs of
    the graph) is cast back in front of it. ArgMax and its like still make one int64 tensor each,
    cast at once: cutting them off (``model.cut``) removes that one too.
    """

    name: str = "int32"
    summary: str = "computing with indices in int32 where every number fits"
    opsets: range = range(11, EVERY_OPSET.stop)

    def check(self, model: onnx.ModelProto) -> str | None:
        return (
            None if _Narrowing(model).saved > 0 else "no node computes in int64 with known bounds"
        )

    def apply(self, model: onnx.ModelProto) -> onnx.ModelProto:
        narrowing = _Narrowing(model)
        del model.graph.node[:]
        model.graph.node.extend(narrowing.nodes)
        model.graph.initializer.extend(narrowing.weights)
        del model.graph.value_info[:]
        return model


class _Narrowing:
    """The nodes of a graph with those in int32 that can be.

    Attributes:
        nodes: in order, casts between the two types where they are needed.
        weights: constants in int32.
        saved: how many tensors in int64 there are less.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        self._view = view = View(model)
        self._bounds: dict[str, Interval] = intervals(
            model.graph.node, view.constant, view.shapes, view.types
        )
        self._narrow: dict[str, str] = {}  # name in int64 -> name in int32
        self._computed: set[str] = set()  # those that a node in int32 makes
        self.weights: list[onnx.TensorProto] = []
        made: list[onnx.NodeProto] = []
        for node in model.graph.node:
            made += self._visit(node)
        self.nodes = _used(made, {value.name for value in model.graph.output})
        self.saved = self._count(model.graph.node) - self._count(self.nodes)

    def _visit(self, node: onnx.NodeProto) -> list[onnx.NodeProto]:
        """The node in the types that it can have, and casts of what it makes."""
        copy = onnx.NodeProto.FromString(node.SerializeToString())
        ours = node.domain in ("", "ai.onnx")
        schema = schema_at(node.op_type, self._view.opset) if ours else None
        if subgraphs(node) or node.op_type == "Constant" or schema is None:
            return [copy]
        if node.op_type == "Cast":
            return self._cast_node(copy)
        takes = [schema.inputs[min(i, len(schema.inputs) - 1)] for i in range(len(node.input))]
        gives = [schema.outputs[min(i, len(schema.outputs) - 1)] for i in range(len(node.output))]
        casts = []
        for variable in {formal.type_str for formal in takes}:
            same = [i for i, formal in enumerate(takes) if formal.type_str == variable]
            read = [i for i in same if self._is64(node.input[i])]
            made = [i for i, formal in enumerate(gives) if formal.type_str == variable]
            written = [i for i in made if node.output[i]]
            allowed = any("tensor(int32)" in takes[i].types for i in read)
            pays = any(node.input[place] in self._narrow for place in read)
            if not (allowed and pays and self._fits(node, read, written)):
                continue
            for place in read:
                copy.input[place] = self._narrowed(node.input[place])
            for place in written:
                name = node.output[place]
                copy.output[place] = self._narrow[name] = name + _SUFFIX
                self._computed.add(name)
                casts.append(_cast(name + _SUFFIX, name, TensorProto.INT64))
        for name in copy.output:  # ArgMax and its like
            if name in self._bounds and self._is64(name) and self._in_range(name):
                self._narrow[name] = name + _SUFFIX
                casts.append(_cast(name, name + _SUFFIX, TensorProto.INT32))
        return [copy, *casts]

    def _cast_node(self, node: onnx.NodeProto) -> list[onnx.NodeProto]:
        """A Cast reads int32 where its input is computed so, and makes it where that suffices."""
        source, output = node.input[0], node.output[0]
        if source in self._computed:
            node.input[0] = self._narrow[source]
        if attribute(node, "to") != TensorProto.INT64 or not self._in_range(output):
            return [node]
        next(a for a in node.attribute if a.name == "to").i = TensorProto.INT32
        node.output[0] = self._narrow[output] = output + _SUFFIX
        self._computed.add(output)
        return [node, _cast(output + _SUFFIX, output, TensorProto.INT64)]

    def _count(self, nodes: Iterable[onnx.NodeProto]) -> int:
        """How many tensors in int64 nodes make."""
        return sum(self._is64(name) for node in nodes for name in node.output)

    def _is64(self, name: str) -> bool:
        return self._view.element_type(name) == TensorProto.INT64

    def _in_range(self, name: str) -> bool:
        low, high = self._bounds.get(name, (_LIMITS.min - 1, 0))
        return bool(_LIMITS.min <= low and high <= _LIMITS.max)

    def _fits(self, node: onnx.NodeProto, read: list[int], written: list[int]) -> bool:
        inputs = [node.input[place] for place in read]
        held = all(
            name in self._narrow
            or (self._view.constant(name) is not None and self._constant_fits(name))
            for name in inputs
        )
        return held and all(self._in_range(node.output[place]) for place in written)

    def _constant_fits(self, name: str) -> bool:
        values = self._view.constant(name)
        if values is None or not values.size:
            return False
        return bool(_LIMITS.min <= values.min() and values.max() <= _LIMITS.max)

    def _narrowed(self, name: str) -> str:
        if name not in self._narrow:
            values = self._view.constant(name)
            assert values is not None
            self._narrow[name] = name + _SUFFIX
            tensor = numpy_helper.from_array(values.astype(np.int32), name + _SUFFIX)
            self.weights.append(tensor)
        return self._narrow[name]


def _cast(source: str, output: str, kind: int) -> onnx.NodeProto:
    return helper.make_node("Cast", [source], [output], name=f"{output}.Cast", to=kind)


def _used(nodes: list[onnx.NodeProto], outputs: set[str]) -> list[onnx.NodeProto]:
    """``nodes`` without casts between the two types that nothing reads."""
    graph = onnx.GraphProto(node=nodes)
    read = {name for node in all_nodes(graph) for name in node.input} | outputs

    def idle(node: onnx.NodeProto) -> bool:
        return node.name == f"{node.output[0]}.Cast" and node.output[0] not in read

    return [node for node in nodes if not idle(node)]


INT32 = _Int32()


# Inputs that hold indices.
_PLACES = {
    "Gather": (1,),
    "GatherElements": (1,),
    "ScatterElements": (1,),
    "Slice": (1, 2, 3, 4),
}
_INT32 = np.iinfo(np.int32)


def _int32_indices(node: onnx.NodeProto, view: View) -> Answer:
    """Constant indices in int32 instead of int64, for targets that have no int64.

    Exporters write every index, slice bound and axis as int64, which is torch's type. NNAPI takes
    Gather with indices that are not int32 only where they are constant, LiteRT delegates and WebGPU
    shaders have no 64-bit integers at all, and each conversion at load time is one more that can
    fail. ONNX lets Gather, GatherElements, ScatterElements and Slice have indices of either type,
    so that the constants can be written in int32 at once.

    Exact: a constant that int32 cannot hold is declined, but for the bounds of Slice, where what
    lies beyond the largest int32 stands for "to the end" (exporters write 2^63 - 1). Indices that
    are computed are left to the pass ``int32``. GatherND and ScatterND take int64 alone.
    """
    places = [p for p in _PLACES[node.op_type] if p < len(node.input) and node.input[p]]
    if all(view.element_type(node.input[p]) == TensorProto.INT32 for p in places):
        return None
    values = {place: view.constant(node.input[place]) for place in places}
    draft = Draft(node, view)
    names = list(node.input)
    for place, found in values.items():
        if found is None:
            return "its indices are computed"
        narrow = _narrow(found, bounds=node.op_type == "Slice")
        if narrow is None:
            return "int32 does not hold its indices"
        names[place] = draft.weight(narrow, "indices")
    draft.op(node.op_type, *names, final=True, **_attributes(node))
    return draft


def _attributes(node: onnx.NodeProto) -> dict[str, object]:
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def _narrow(values: Array, *, bounds: bool) -> Array | None:
    if bounds:
        values = values.clip(_INT32.min, _INT32.max)
    if values.size and (values.min() < _INT32.min or values.max() > _INT32.max):
        return None
    return values.astype(np.int32)


INT32_INDICES = NodePass(
    name="int32_indices",
    summary="constant indices of Gather, Slice and ScatterElements in int32",
    operators=tuple(_PLACES),
    rewrite=_int32_indices,
)
