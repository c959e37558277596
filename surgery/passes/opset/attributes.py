"""Forms of operators whose inputs were attributes, or whose attributes came later."""

from __future__ import annotations

import math

import numpy as np
import onnx
from onnx import helper, numpy_helper

from ...graph.view import View
from ..node_pass import Draft, attribute, set_attribute
from .form import Answer, constants, input_as_attribute


def reduction(node: onnx.NodeProto, draft: Draft, view: View) -> Answer:
    """Axes as an attribute; without any, the whole tensor, or nothing at all."""
    idle = attribute(node, "noop_with_empty_axes", 0)
    set_attribute(node, "noop_with_empty_axes", None)
    made = input_as_attribute(1, "axes")(node, draft, view)
    if isinstance(made, list) and idle and attribute(node, "axes") is None:
        return [helper.make_node("Identity", node.input, node.output, node.name)]
    return made


def split_count(node: onnx.NodeProto, draft: Draft, view: View) -> Answer:
    """A number of outputs as the sizes of the pieces."""
    count = attribute(node, "num_outputs")
    set_attribute(node, "num_outputs", None)
    if count is None:
        return [node]
    shape = view.shape(node.input[0])
    size = None if shape is None else shape[int(attribute(node, "axis", 0))]
    if not isinstance(size, int):
        return "the size that it splits is not known"
    if size % count:  # the last piece is smaller
        piece = math.ceil(size / count)
        sizes = [min(piece, size - piece * i) for i in range(count)]
        node.input.append(draft.ints(*sizes, role="split"))
    return [node]


def pad_axes(node: onnx.NodeProto, draft: Draft, view: View) -> Answer:
    """Pads of some axes as those of all."""
    if len(node.input) < 4 or not node.input[3]:
        return [node]
    axes, pads = constants(node, 3, view), constants(node, 1, view)
    shape = view.shape(node.input[0])
    if axes is None or pads is None or shape is None:
        return "it pads axes that are computed"
    whole = np.zeros((2, len(shape)), np.int64)
    whole[:, np.array(axes, np.int64)] = np.reshape(pads, (2, -1))
    node.input[1] = draft.ints(*whole.ravel(), role="pads")
    del node.input[3:]
    return [node]


def pad_attributes(node: onnx.NodeProto, draft: Draft, view: View) -> Answer:
    """Pads and their value as attributes."""
    pads, value = constants(node, 1, view), constants(node, 2, view)
    if pads is None or value is None:
        return "its pads are computed, in older opsets they are an attribute"
    del node.input[1:]
    set_attribute(node, "pads", [int(pad) for pad in pads])
    set_attribute(node, "value", float(value[0]) if value else None)
    return [node]


def clip_attributes(node: onnx.NodeProto, draft: Draft, view: View) -> Answer:
    """Bounds as attributes."""
    for place, name in ((1, "min"), (2, "max")):
        values = constants(node, place, view)
        if values is None:
            return "its bounds are computed, in older opsets they are attributes"
        set_attribute(node, name, float(values[0]) if values else None)
    del node.input[1:]
    return [node]


def dropout(node: onnx.NodeProto, draft: Draft, view: View) -> Answer:
    """In inference it hands its input on."""
    if len(node.output) > 1 and node.output[1]:
        return "its mask is read"
    if any(constants(node, 2, view) or []):
        return "training_mode=true"
    return [helper.make_node("Identity", node.input[:1], node.output[:1], node.name)]


def constant_value(node: onnx.NodeProto, draft: Draft, view: View) -> Answer:
    """Numbers given in another way as one tensor."""
    given = node.attribute[0]
    if given.name in ("value", "sparse_value"):
        return [node]
    values = view.constant(node.output[0])
    if values is None:
        return f"{given.name} came later"
    del node.attribute[:]
    set_attribute(node, "value", numpy_helper.from_array(values))
    return [node]


def reshape(node: onnx.NodeProto, draft: Draft, view: View) -> Answer:
    """A target without zeros means the same with allowzero (dynamo writes that) and without.

    One that is computed holds the sizes of a tensor: 0 among them is one of an empty tensor, which
    no picture gives, or a number of its own.
    """
    if attribute(node, "allowzero", 0) and _names_a_zero(node.input[1], view):
        return "allowzero=1 came later"
    set_attribute(node, "allowzero", None)
    return [node]


def _names_a_zero(target: str, view: View) -> bool:
    """Whether a constant zero is one of the sizes in ``target``."""
    values = view.constant(target)
    if values is not None:
        return 0 in values
    maker = view.makers.get(target)
    return (
        maker is not None
        and maker.op_type == "Concat"
        and any(_names_a_zero(part, view) for part in maker.input)
    )


def shape_slice(node: onnx.NodeProto, draft: Draft, view: View) -> Answer:
    """A part of a shape as a Slice of the whole."""
    start, end = attribute(node, "start", 0), attribute(node, "end")
    if start == 0 and end is None:
        set_attribute(node, "start", None)
        return [node]
    whole = draft.op("Shape", node.input[0])
    stop = np.iinfo(np.int64).max if end is None else end
    draft.op("Slice", whole, draft.ints(start), draft.ints(stop), final=True)
    return draft.nodes
