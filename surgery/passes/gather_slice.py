"""Gather of constant neighbouring indices as Slice: `x[:, 0]` and `x[:, [1, 2]]` without a gather.

Both exporters write an index with a number, or with a list of numbers, as Gather (or, under the
dynamo exporter, as GatherND between transposes). On accelerators a gather is a table look-up in
memory: WebGPU and NNAPI take it with conditions, ncnn and OpenCV DNN hardly, and the graph is split
there. Where the indices are constant and evenly spaced, as those of a slice written by hand are,
the same elements are a Slice, which is a view of memory on most targets.

    Gather(x, [a, a + s, ..., b], axis)  =  Slice(x, a : b + 1 : s, axis)
    Gather(x, a, axis)                   =  Squeeze(Slice(x, a : a + 1, axis), axis)

Exact: no number is computed. Declined for indices that are computed, not evenly spaced or running
backwards, and for indices of two axes and more. What is taken of a Shape stays as it is: such
arithmetic on sizes is folded into constants by the pass ``fold`` where the sizes are known.
"""

from __future__ import annotations

import numpy as np
import onnx

from ..graph.view import View
from .node_pass import Answer, Array, Draft, NodePass, attribute

AXES_ARE_INPUTS = 13  # the opset from which Squeeze takes its axes as an input


def _rewrite(node: onnx.NodeProto, view: View) -> Answer:
    data, indices = node.input[0], view.constant(node.input[1])
    maker = view.makers.get(data)
    if maker is not None and maker.op_type == "Shape":
        return None
    shape = view.shape(data)
    if shape is None or view.constant(data) is not None:
        return None
    if indices is None:
        return "its indices are computed"
    axis = int(attribute(node, "axis", 0)) % len(shape)
    if node.op_type == "GatherND":
        if attribute(node, "batch_dims", 0) or indices.shape[-1] != 1:
            return "it takes more than one coordinate"
        axis, indices = 0, indices[..., 0]
    if indices.ndim > 1:
        return f"its indices are of rank {indices.ndim}"
    span = _span(indices.reshape(-1), shape[axis])
    if isinstance(span, str):
        return span
    draft = Draft(node, view)
    start, stop, step = span
    bounds = [draft.ints(value) for value in (start, stop, axis, step)]
    if indices.ndim == 1:
        draft.op("Slice", data, *bounds, final=True)
        return draft
    taken = draft.op("Slice", data, *bounds)
    if view.opset >= AXES_ARE_INPUTS:
        draft.op("Squeeze", taken, draft.ints(axis), final=True)
    else:
        draft.op("Squeeze", taken, axes=[axis], final=True)
    return draft


def _span(indices: Array, size: object) -> tuple[int, int, int] | str:
    """Start, stop and step of the slice that takes these indices, or why there is none."""
    if not indices.size:
        return "it takes nothing"
    if (indices < 0).any():
        if not isinstance(size, int):
            return "negative indices into an axis of unknown size"
        indices = np.where(indices < 0, indices + size, indices)
    steps = np.diff(indices)
    step = int(steps[0]) if steps.size else 1
    if step < 1 or (steps != step).any():
        return "its indices are not evenly spaced, or run backwards"
    return int(indices[0]), int(indices[-1]) + 1, step


GATHER_SLICE = NodePass(
    name="gather_slice",
    summary="Gather of constant, evenly spaced indices as Slice",
    operators=("Gather", "GatherND"),
    rewrite=_rewrite,
)
