"""In-place assignment to a slice as Slice and Concat: `y[:, 1:3] = v` without ScatterND.

ONNX has no assignment, so that exporters write one to a slice as a scatter with a grid of constant
indices: ScatterND from the TorchScript exporter, ScatterND between transposes or ScatterElements
from dynamo. NNAPI, Core ML, XNNPACK and ncnn take neither, TensorRT took none before 8.2 (TensorRT
#1006: `kps[..., ::2] += xs`), and a scatter splits the graph in the middle of the network.

Where the indices are constant and those of a slice along each axis, what is left of the data is put
around the new values, axis by axis:

    y[a:b] = v    ->    Concat(Slice(y, :a), v, Slice(y, b:))

and the same inside of the middle piece for every further axis that is not filled whole. A slice
with a step s is a column of its rows of s elements: reshaped to those, the column is replaced and
the rest kept. Exact: no number is computed, and the order of writing does not matter since no index
occurs twice. Declined for other indices (a diagonal, another order), computed ones, a reduction,
and unknown sizes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import onnx

from ..graph.view import View
from .node_pass import Answer, Array, Draft, NodePass, attribute


def _rewrite(node: onnx.NodeProto, view: View) -> Answer:
    data, name, updates = node.input
    if attribute(node, "reduction", "none") != "none":
        return "it adds to what is there"
    indices, sizes = view.constant(name), view.sizes(data)
    if indices is None:
        return "its indices are computed"
    if sizes is None:
        return "the sizes of its data are not known"
    find = _scattered if node.op_type == "ScatterND" else _elements
    box = find(indices, sizes, int(attribute(node, "axis", 0)) % len(sizes))
    if box is None:
        return "its indices are not those of a slice"
    draft = Draft(node, view)
    extents = tuple(map(len, box))
    if view.sizes(updates) != extents:
        updates = draft.op("Reshape", updates, draft.ints(*extents))
    last = _Writer(draft, box).written(data, list(sizes), updates, 0)
    if draft.nodes:
        draft.nodes[-1].output[0] = node.output[0]
    else:
        draft.op("Identity", last, final=True)
    return draft


class _Writer:
    """Writes values into the box of some data, the first axis as the outermost Concat."""

    def __init__(self, draft: Draft, box: Sequence[range]) -> None:
        self._draft = draft
        self._box = box

    def written(self, data: str, sizes: list[int], values: str, axis: int) -> str:
        """Name of ``data`` with ``values`` in the box, from ``axis`` on.

        Args:
            sizes: of ``data``; axes before ``axis`` are cut to the box.
        """
        while axis < len(sizes) and self._box[axis] == range(sizes[axis]):
            axis += 1
        if axis == len(sizes):
            return values
        places = self._box[axis]
        inner = [*sizes[:axis], len(places), *sizes[axis + 1 :]]
        middle = data
        if any(self._box[a] != range(sizes[a]) for a in range(axis + 1, len(sizes))):
            middle = self._slice(data, axis, places.start, places.stop, places.step)
        new = self.written(middle, inner, values, axis + 1)
        pieces = [self._slice(data, axis, 0, places.start)] if places.start else []
        after = places.stop
        if places.step == 1:
            pieces.append(new)
        else:
            rows = min(len(places), (sizes[axis] - places.start) // places.step)
            after = places.start + rows * places.step
            pieces += [self._interleaved(data, sizes, new, axis, rows)] if rows else []
            if rows < len(places):  # the last row is not whole
                pieces.append(self._slice(new, axis, rows, rows + 1))
                after += 1
        if after < sizes[axis]:
            pieces.append(self._slice(data, axis, after, sizes[axis]))
        return self._draft.op("Concat", *pieces, axis=axis) if len(pieces) > 1 else pieces[0]

    def _interleaved(self, data: str, sizes: list[int], new: str, axis: int, rows: int) -> str:
        """``rows`` rows of ``step`` elements with the first element of each replaced."""
        start, step = self._box[axis].start, self._box[axis].step
        outer, inner = math.prod(sizes[:axis]), math.prod(sizes[axis + 1 :])
        kept = self._slice(data, axis, start, start + rows * step)
        kept = self._reshape(kept, [outer * rows, step * inner])
        kept = self._slice(kept, 1, inner, step * inner)
        column = self._reshape(self._slice(new, axis, 0, rows), [outer * rows, inner])
        joined = self._draft.op("Concat", column, kept, axis=1)
        return self._reshape(joined, [*sizes[:axis], rows * step, *sizes[axis + 1 :]])

    def _slice(self, source: str, axis: int, start: int, stop: int, step: int = 1) -> str:
        bounds = (start, stop, axis, *([step] if step != 1 else []))
        return self._draft.op("Slice", source, *(self._draft.ints(value) for value in bounds))

    def _reshape(self, source: str, sizes: Sequence[int]) -> str:
        return self._draft.op("Reshape", source, self._draft.ints(*sizes))


def _scattered(indices: Array, sizes: Sequence[int], axis: int) -> list[range] | None:
    """The slices that ScatterND's indices (..., k) are in C order, None where they are none."""
    count = indices.shape[-1]
    rows = indices.reshape(-1, count)
    rows = np.where(rows < 0, rows + np.array(sizes[:count]), rows)
    box = [_evenly(rows[:, place], sizes[place]) for place in range(count)]
    known = [places for places in box if places is not None]
    if len(known) < count or math.prod(map(len, known)) != len(rows):
        return None
    grid = np.stack(np.meshgrid(*known, indexing="ij"), -1)
    if (grid.reshape(-1, count) != rows).any():
        return None
    return [*known, *map(range, sizes[count:])]


def _elements(indices: Array, sizes: Sequence[int], axis: int) -> list[range] | None:
    """The slices that ScatterElements' indices are, None where they are none."""
    if not indices.size:
        return None
    indices = np.where(indices < 0, indices + sizes[axis], indices)
    places = _evenly(indices, sizes[axis])
    if places is None or len(places) != indices.shape[axis]:
        return None
    shape = [-1 if each == axis else 1 for each in range(indices.ndim)]
    if (indices != np.array(places).reshape(shape)).any():
        return None
    box = [range(extent) for extent in indices.shape]
    box[axis] = places
    return box


def _evenly(indices: Array, size: int) -> range | None:
    """The different indices in order, None where they are not evenly spaced, or out of range."""
    values = np.unique(indices)
    if not values.size or values[0] < 0 or values[-1] >= size:
        return None
    step = int(values[1] - values[0]) if len(values) > 1 else 1
    places = range(int(values[0]), int(values[-1]) + 1, step)
    return places if len(places) == len(values) and (values == np.array(places)).all() else None


SLICE_ASSIGNMENT = NodePass(
    name="slice_assignment",
    summary="assignment to a slice (ScatterND, ScatterElements) as Slice and Concat",
    operators=("ScatterND", "ScatterElements"),
    rewrite=_rewrite,
)
