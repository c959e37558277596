"""Forms of the operators that normalise along axes, and of quantization by axis."""

from __future__ import annotations

import math

import numpy as np
import onnx
from onnx import helper

from ...graph.view import View
from ..node_pass import Draft, attribute, set_attribute
from .form import Answer


def normalized_axis(node: onnx.NodeProto, draft: Draft, view: View) -> Answer:
    """Softmax and its like: before 13 over all axes from ``axis`` on, so the axis goes last."""
    rank = view.rank(node.input[0])
    if rank is None:
        return "the rank of its input is not known"
    last = rank - 1
    axis = int(attribute(node, "axis", -1)) % rank
    set_attribute(node, "axis", last)
    if axis == last:
        return [node]
    swapped = list(range(rank))
    swapped[axis], swapped[last] = last, axis
    turned = draft.op("Transpose", node.input[0], perm=swapped)
    result = draft.op(node.op_type, turned, axis=last)
    draft.op("Transpose", result, final=True, perm=swapped)
    return draft.nodes


def layer_norm(node: onnx.NodeProto, draft: Draft, view: View) -> Answer:
    """(x - mean) / sqrt(variance + epsilon) * scale + bias over the axes from ``axis`` on."""
    shape = view.shape(node.input[0])
    if shape is None or any(node.output[1:]):
        return "the rank of its input is not known, or its statistics are read"
    source, scale, *bias = node.input
    axis = int(attribute(node, "axis", -1)) % len(shape)
    axes = list(range(axis, len(shape)))
    kind = helper.tensor_dtype_to_np_dtype(view.element_type(source) or onnx.TensorProto.FLOAT)
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


def one_scale(node: onnx.NodeProto, draft: Draft, view: View) -> Answer:
    """Quantization before 13 is by one scale for the whole tensor."""
    sizes = view.sizes(node.input[1])
    if sizes is None or math.prod(sizes) != 1:
        return "a scale for each channel came later"
    set_attribute(node, "axis", None)
    return [node]
