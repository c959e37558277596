"""Operators in the form that they had one opset earlier, where that is not the same one.

Each entry of :data:`FORMS` is for an operator and the opset in which it changed, and gives the
nodes of the opset before that compute the same; from ONNX's Operators.md and Changelog.md. A form
gets a copy-safe node, a draft for new nodes and weights, and what is known of the graph; it returns
the nodes, or the reason why there are none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import onnx
from onnx import helper, numpy_helper

from ..passes.node_pass import Draft, Facts, attribute

Form = Callable[[onnx.NodeProto, Draft, Facts], "list[onnx.NodeProto] | str"]

# Operators that meant something else before, so that a function stands for them below this opset.
REDEFINED = {"GroupNormalization": 21}

_REDUCTIONS = (
    *("ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean"),
    *("ReduceMin", "ReduceProd", "ReduceSumSquare"),
)


def _set(node: onnx.NodeProto, name: str, value: object) -> None:
    """Give an attribute another value, or none, in place."""
    for found in [a for a in node.attribute if a.name == name]:
        node.attribute.remove(found)
    if value is not None:
        node.attribute.append(helper.make_attribute(name, value))


def _constants(node: onnx.NodeProto, place: int, facts: Facts) -> list[float] | None:
    """Numbers of a constant input, None where it is computed; empty where it is left out."""
    name = node.input[place] if place < len(node.input) else ""
    if not name:
        return []
    values = facts.constant(name)
    return None if values is None else values.ravel().tolist()


def _input_as_attribute(place: int, name: str) -> Form:
    """A form that takes a constant from an input into an attribute."""

    def form(node: onnx.NodeProto, draft: Draft, facts: Facts) -> list[onnx.NodeProto] | str:
        values = _constants(node, place, facts)
        if values is None:
            return f"its {name} are computed, in older opsets they are an attribute"
        del node.input[place:]
        _set(node, name, values or None)
        return [node]

    return form


def _reduction(node: onnx.NodeProto, draft: Draft, facts: Facts) -> list[onnx.NodeProto] | str:
    idle = attribute(node, "noop_with_empty_axes", 0)
    _set(node, "noop_with_empty_axes", None)
    made = _input_as_attribute(1, "axes")(node, draft, facts)
    if isinstance(made, list) and idle and attribute(node, "axes") is None:
        return [helper.make_node("Identity", node.input, node.output, node.name)]
    return made


def _normalized_axis(
    node: onnx.NodeProto, draft: Draft, facts: Facts
) -> list[onnx.NodeProto] | str:
    """Softmax and its like: before 13 over all axes from ``axis`` on, so the axis goes last."""
    shape = facts.shape(node.input[0])
    if shape is None:
        return "the rank of its input is not known"
    last = len(shape) - 1
    axis = int(attribute(node, "axis", -1)) % len(shape)
    _set(node, "axis", last)
    if axis == last:
        return [node]
    swapped = list(range(len(shape)))
    swapped[axis], swapped[last] = last, axis
    turned = draft.op("Transpose", node.input[0], perm=swapped)
    result = draft.op(node.op_type, turned, axis=last)
    draft.op("Transpose", result, final=True, perm=swapped)
    return draft.nodes


def _split_count(node: onnx.NodeProto, draft: Draft, facts: Facts) -> list[onnx.NodeProto] | str:
    count = attribute(node, "num_outputs")
    _set(node, "num_outputs", None)
    if count is None:
        return [node]
    shape = facts.shape(node.input[0])
    size = None if shape is None else shape[int(attribute(node, "axis", 0))]
    if not isinstance(size, int):
        return "the size that it splits is not known"
    if size % count:  # the last piece is smaller
        piece = math.ceil(size / count)
        sizes = [min(piece, size - piece * i) for i in range(count)]
        node.input.append(draft.ints(*sizes, role="split"))
    return [node]


def _pad_axes(node: onnx.NodeProto, draft: Draft, facts: Facts) -> list[onnx.NodeProto] | str:
    if len(node.input) < 4 or not node.input[3]:
        return [node]
    axes, pads = _constants(node, 3, facts), _constants(node, 1, facts)
    shape = facts.shape(node.input[0])
    if axes is None or pads is None or shape is None:
        return "it pads axes that are computed"
    whole = np.zeros((2, len(shape)), np.int64)
    whole[:, np.array(axes, np.int64)] = np.reshape(pads, (2, -1))
    node.input[1] = draft.ints(*whole.ravel(), role="pads")
    del node.input[3:]
    return [node]


def _pad_attributes(node: onnx.NodeProto, draft: Draft, facts: Facts) -> list[onnx.NodeProto] | str:
    pads, value = _constants(node, 1, facts), _constants(node, 2, facts)
    if pads is None or value is None:
        return "its pads are computed, in older opsets they are an attribute"
    del node.input[1:]
    _set(node, "pads", [int(pad) for pad in pads])
    _set(node, "value", float(value[0]) if value else None)
    return [node]


def _refuse_values(name: str, values: Sequence[str], form: Form | None = None) -> Form:
    """A form that refuses values which an attribute took later, and else is ``form``."""

    def checked(node: onnx.NodeProto, draft: Draft, facts: Facts) -> list[onnx.NodeProto] | str:
        if attribute(node, name) in values:
            return f"{name}={attribute(node, name)} came later"
        return [node] if form is None else form(node, draft, facts)

    return checked


def _resize_axes(node: onnx.NodeProto, draft: Draft, facts: Facts) -> list[onnx.NodeProto] | str:
    """Scales or sizes of every axis; no antialiasing."""
    if attribute(node, "antialias", 0):
        return "antialias=1 came later"
    if attribute(node, "keep_aspect_ratio_policy", "stretch") != "stretch":
        return "keep_aspect_ratio_policy came later"
    axes = attribute(node, "axes")
    for name in ("antialias", "keep_aspect_ratio_policy", "axes"):
        _set(node, name, None)
    if axes is None:
        return [node]
    sizes = facts.sizes(node.input[0])
    for place in (2, 3):
        values = _constants(node, place, facts)
        if not values:
            continue
        if sizes is None:
            return "it resizes some axes of a tensor of unknown size"
        whole = np.ones(len(sizes)) if place == 2 else np.array(sizes, float)
        whole[list(axes)] = values
        kind = np.float32 if place == 2 else np.int64
        node.input[place] = draft.weight(whole.astype(kind), "resized")
        return [node]
    return "its scales or sizes are computed"


def _resize_inputs(node: onnx.NodeProto, draft: Draft, facts: Facts) -> list[onnx.NodeProto] | str:
    """Region and scales, which had to be given, if only as empty tensors."""
    while len(node.input) < 3:
        node.input.append("")
    for place in (1, 2):
        if not node.input[place]:
            node.input[place] = draft.weight(np.zeros(0, np.float32), "empty")
    return [node]


def _resize_plain(node: onnx.NodeProto, draft: Draft, facts: Facts) -> list[onnx.NodeProto] | str:
    """Of opset 10: scales alone; coordinates are divided by them and, for nearest, rounded down."""
    mode = attribute(node, "mode", "nearest")
    place = attribute(node, "coordinate_transformation_mode", "half_pixel")
    rounding = attribute(node, "nearest_mode", "round_prefer_floor")
    plain = place == "asymmetric" and (mode == "linear" or (mode, rounding) == ("nearest", "floor"))
    if len(node.input) > 3 or not plain:
        return f"{mode} with {place} coordinates came later"
    del node.input[1]
    del node.attribute[:]
    _set(node, "mode", mode)
    return [node]


def _grid_sample(node: onnx.NodeProto, draft: Draft, facts: Facts) -> list[onnx.NodeProto] | str:
    names = {"linear": "bilinear", "cubic": "bicubic", "nearest": "nearest"}
    shape = facts.shape(node.input[0])
    if shape is None or len(shape) != 4:
        return "it samples something else than (N, C, H, W)"
    _set(node, "mode", names[attribute(node, "mode", "linear")])
    return [node]


def _clip_attributes(
    node: onnx.NodeProto, draft: Draft, facts: Facts
) -> list[onnx.NodeProto] | str:
    for place, name in ((1, "min"), (2, "max")):
        values = _constants(node, place, facts)
        if values is None:
            return "its bounds are computed, in older opsets they are attributes"
        _set(node, name, float(values[0]) if values else None)
    del node.input[1:]
    return [node]


def _dropout(node: onnx.NodeProto, draft: Draft, facts: Facts) -> list[onnx.NodeProto] | str:
    """In inference it hands its input on."""
    if len(node.output) > 1 and node.output[1]:
        return "its mask is read"
    if any(_constants(node, 2, facts) or []):
        return "training_mode=true"
    return [helper.make_node("Identity", node.input[:1], node.output[:1], node.name)]


def _constant_value(node: onnx.NodeProto, draft: Draft, facts: Facts) -> list[onnx.NodeProto] | str:
    given = node.attribute[0]
    if given.name in ("value", "sparse_value"):
        return [node]
    values = facts.constant(node.output[0])
    if values is None:
        return f"{given.name} came later"
    del node.attribute[:]
    _set(node, "value", numpy_helper.from_array(values))
    return [node]


def _reshape(node: onnx.NodeProto, draft: Draft, facts: Facts) -> list[onnx.NodeProto] | str:
    """A target without zeros means the same with allowzero (dynamo writes that) and without."""
    if attribute(node, "allowzero", 0):
        target = _constants(node, 1, facts)
        if target is None or 0 in target:
            return "allowzero=1 came later"
    _set(node, "allowzero", None)
    return [node]


def _shape_slice(node: onnx.NodeProto, draft: Draft, facts: Facts) -> list[onnx.NodeProto] | str:
    start, end = attribute(node, "start", 0), attribute(node, "end")
    if start == 0 and end is None:
        _set(node, "start", None)
        return [node]
    whole = draft.op("Shape", node.input[0])
    stop = np.iinfo(np.int64).max if end is None else end
    draft.op("Slice", whole, draft.ints(start), draft.ints(stop), final=True)
    return draft.nodes


def _one_scale(node: onnx.NodeProto, draft: Draft, facts: Facts) -> list[onnx.NodeProto] | str:
    """Quantization before 13 is by one scale for the whole tensor."""
    sizes = facts.sizes(node.input[1])
    if sizes is None or math.prod(sizes) != 1:
        return "a scale for each channel came later"
    _set(node, "axis", None)
    return [node]


def _layer_norm(node: onnx.NodeProto, draft: Draft, facts: Facts) -> list[onnx.NodeProto] | str:
    """(x - mean) / sqrt(variance + epsilon) * scale + bias over the axes from ``axis`` on."""
    shape = facts.shape(node.input[0])
    if shape is None or any(node.output[1:]):
        return "the rank of its input is not known, or its statistics are read"
    source, scale, *bias = node.input
    axis = int(attribute(node, "axis", -1)) % len(shape)
    axes = list(range(axis, len(shape)))
    kind = helper.tensor_dtype_to_np_dtype(facts.element_type(source) or onnx.TensorProto.FLOAT)
    epsilon = draft.weight(np.array(attribute(node, "epsilon", 1e-5), kind), "epsilon")
    centred = draft.op("Sub", source, draft.op("ReduceMean", source, axes=axes, keepdims=1))
    square = draft.op("Mul", centred, centred)
    variance = draft.op("ReduceMean", square, axes=axes, keepdims=1)
    spread = draft.op("Sqrt", draft.op("Add", variance, epsilon))
    scaled = draft.op("Div", centred, spread)
    draft.op("Mul", scaled, scale, final=not any(bias))
    if any(bias):
        draft.op("Add", draft.nodes[-1].output[0], bias[0], final=True)
    return draft.nodes


def _roi_align(node: onnx.NodeProto, draft: Draft, facts: Facts) -> list[onnx.NodeProto] | str:
    if attribute(node, "coordinate_transformation_mode", "half_pixel") != "output_half_pixel":
        return "coordinate_transformation_mode=half_pixel came later"
    _set(node, "coordinate_transformation_mode", None)
    return [node]


FORMS: Mapping[tuple[str, int], Form] = {
    ("GridSample", 20): _grid_sample,
    ("Resize", 19): _refuse_values("coordinate_transformation_mode", ["half_pixel_symmetric"]),
    ("Pad", 19): _refuse_values("mode", ["wrap"]),
    ("Split", 18): _split_count,
    ("Pad", 18): _pad_axes,
    ("Resize", 18): _resize_axes,
    **dict.fromkeys(((name, 18) for name in _REDUCTIONS), _reduction),
    ("LayerNormalization", 17): _layer_norm,
    ("RoiAlign", 16): _roi_align,
    ("Shape", 15): _shape_slice,
    ("Reshape", 14): _reshape,
    **dict.fromkeys((("Softmax", 13), ("LogSoftmax", 13), ("Hardmax", 13)), _normalized_axis),
    **dict.fromkeys((("QuantizeLinear", 13), ("DequantizeLinear", 13)), _one_scale),
    ("ReduceSum", 13): _reduction,
    ("Squeeze", 13): _input_as_attribute(1, "axes"),
    ("Unsqueeze", 13): _input_as_attribute(1, "axes"),
    ("Split", 13): _input_as_attribute(1, "split"),
    ("Resize", 13): _resize_inputs,
    ("Constant", 12): _constant_value,
    ("Dropout", 12): _dropout,
    ("Clip", 11): _clip_attributes,
    ("Pad", 11): _pad_attributes,
    ("Resize", 11): _resize_plain,
}
