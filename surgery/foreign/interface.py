"""The operated graph's own interface: one NCHW float32 picture in, NCHW float32 heads out.

The host hands over pixel values as float32 in channels-first order, which costs it nothing: it
writes the tensor anyway. So a cast from integers at the input goes away where nothing computes on
integers before it, and a channels-last input becomes one Transpose, which the pass ``transpose``
then pushes through the graph until it meets its opposite.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from ..graph.modules import all_nodes
from ..graph.names import fresh
from ..graph.operators import MOVING
from ..graph.shapes import Shape, element_types, infer, shapes
from ..graph.view import reads
from .layout import NCHW, Axes, layouts, name_of, reshaped
from .source import INTEGERS, ImageInput

TO_NHWC = (0, 2, 3, 1)


@dataclass(frozen=True)
class Step:
    """One change of the interface, for the ledger.

    Attributes:
        name: what was done.
        where: the input or output.
        fired: whether it was.
        reason: what is to be known about it.
    """

    name: str
    where: str
    fired: bool
    reason: str


@dataclass(frozen=True)
class Sizes:
    """Sizes of the operated input; None leaves an axis open."""

    batch: int | None
    height: int | None
    width: int | None
    channels: int = 3

    @property
    def shape(self) -> list[int | str]:
        """(N, C, H, W) with a symbol for each open axis."""
        sides = (self.height or "height", self.width or "width")
        return [self.batch or "batch", self.channels, *sides]


def picture_input(model: onnx.ModelProto, port: ImageInput, sizes: Sizes) -> list[Step]:
    """Make the graph's input NCHW float32, in place."""
    graph = model.graph
    del graph.value_info[:]
    steps, prefix, last = [], [], port.name
    if port.layout == "nhwc":
        prefix.append(_node(graph, "Transpose", last, f"{port.name}.nhwc", perm=TO_NHWC))
        last = prefix[-1].output[0]
        steps.append(Step("channels first", port.name, True, "channels-last input is NCHW now"))
    if port.dtype != "float32":
        kept = _lift_casts(graph, port.name) if port.dtype in INTEGERS else "the graph computes so"
        if kept:
            kind = helper.np_dtype_to_tensor_dtype(np.dtype(port.dtype))
            prefix.append(_node(graph, "Cast", last, f"{port.name}.{port.dtype}", to=kind))
            last = prefix[-1].output[0]
        moved = f"{port.dtype} input is float32 now, the host casts"
        steps.append(Step("cast", port.name, not kept, kept or moved))
    for node in all_nodes(graph):
        node.input[:] = [last if name == port.name else name for name in node.input]
    for position, node in enumerate(prefix):
        graph.node.insert(position, node)
    others = [value for value in graph.input if value.name != port.name]
    del graph.input[:]
    value = helper.make_tensor_value_info(port.name, TensorProto.FLOAT, sizes.shape)
    graph.input.extend([value, *others])
    return steps


def _node(
    graph: onnx.GraphProto, operator: str, source: str, output: str, **attributes: Any
) -> onnx.NodeProto:
    """A node called after its output, numbered where the graph has a node of that name."""
    name = fresh(output, {node.name for node in graph.node})
    return helper.make_node(operator, [source], [output], name=name, **attributes)


def _lift_casts(graph: onnx.GraphProto, name: str) -> str:
    """Turn the casts to float32 behind an integer input into nothing, in place.

    Whole numbers are the same in float32, so what only moves them about stays as it is.

    Returns:
        Why it cannot be done, "" where it was.
    """
    moved, casts = {name}, []
    for node in graph.node:
        if not moved & reads(node):
            continue
        if node.op_type == "Cast":
            casts.append(node)
        elif node.op_type in MOVING and not moved & set(node.input[1:]) and node.input[0] in moved:
            moved.update(node.output)
        else:
            return f"{node.op_type} {node.name or node.output[0]!r} computes on integers"
    if moved & {value.name for value in graph.output}:
        return "the graph hands the integers on"
    for node in casts:
        if next(a.i for a in node.attribute if a.name == "to") == TensorProto.FLOAT:
            node.op_type = "Identity"
            del node.attribute[:]
    return ""


def head_outputs(
    model: onnx.ModelProto, picture: str, given: Axes | None
) -> tuple[list[Step], dict[str, Axes | None]]:
    """Make the graph's outputs NCHW float32, in place; each keeps its name.

    Args:
        picture: name of the input, which is NCHW by now.
        given: axes of outputs whose layout the graph does not tell.

    Returns:
        What was done, and the axes that each output had, None where they are not known.
    """
    graph = model.graph
    inferred = infer(model)
    sides, types = shapes(inferred), element_types(inferred)
    known = layouts(graph.node, sides, {picture: NCHW})
    _spell_transposes(graph, sides, known)
    found: dict[str, Axes | None] = {}
    steps = []
    for value in graph.output:
        name = value.name
        rank = len(sides.get(name, NCHW))
        axes = known.get(name, given if rank == len(NCHW) else None)
        found[name] = axes
        kind = types.get(name, TensorProto.FLOAT)
        turned = axes is not None and axes != NCHW
        narrow = kind in (TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BFLOAT16)
        if turned or narrow:
            last = _rename(graph, name, f"{name}.found")
            if axes is not None and turned:
                order = [axes.index(axis) for axis in NCHW]
                out = f"{name}.nchw" if narrow else name
                graph.node.append(_node(graph, "Transpose", last, out, perm=order))
                last = out
                steps.append(
                    Step("channels first", name, True, f"{name_of(axes)} head is NCHW now")
                )
            if narrow:
                graph.node.append(_node(graph, "Cast", last, name, to=TensorProto.FLOAT))
                steps.append(Step("cast", name, True, "head is float32 now"))
        if axes is None and rank == len(NCHW):
            note = "taken as NCHW: the graph does not tell, model.decoder.layout can"
            steps.append(Step("channels first", name, False, note))
        value.CopyFrom(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
        if not (narrow or kind == TensorProto.FLOAT):
            value.type.tensor_type.elem_type = kind
    return steps, found


def _spell_transposes(
    graph: onnx.GraphProto, sides: Mapping[str, Shape], known: Mapping[str, Axes]
) -> None:
    """Write reshapes that only move axes of length one as transposes, in place.

    Converters shorten the transpose of a one-channel map to a Reshape; spelled out again, it meets
    its opposite.
    """
    for node in graph.node:
        if node.op_type != "Reshape" or node.input[0] not in known:
            continue
        before = known[node.input[0]]
        after = reshaped(before, sides.get(node.input[0]), sides.get(node.output[0]))
        if after is not None:
            node.op_type = "Transpose"
            del node.input[1:], node.attribute[:]
            order = [before.index(axis) for axis in after]
            node.attribute.append(helper.make_attribute("perm", order))


def _rename(graph: onnx.GraphProto, name: str, new: str) -> str:
    """Give a tensor another name wherever nodes make or read it, in place."""
    for node in all_nodes(graph):
        node.input[:] = [new if each == name else each for each in node.input]
        node.output[:] = [new if each == name else each for each in node.output]
    return new
