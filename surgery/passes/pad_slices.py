"""Pad by reflection, edge or wrapping, and Pad with negative widths, as Slice and Concat.

Without it: NNAPI takes Pad with mode "constant" alone ("mode=reflect, takes constant") and no
negative width; LiteRT lacks "edge" and "wrap"; WebNN lacks "wrap".

What is added on a side is a piece of the tensor itself: for "wrap" one Slice of the other side; for
"edge" the outermost element, as often as needed; for "reflect" single elements from the border
inward, since a Slice that runs backwards is refused as often as the padding is. They are
concatenated around the tensor, one axis after the other. A negative width is a Slice; what a
constant Pad adds besides stays a Pad. All bounds count from the nearer end, so that sizes may stay
open. Exact to the bit: values are moved, never computed.

Declined: widths that are not constants; a side that reaches beyond the tensor, where "reflect" and
"wrap" would start again; reflections so wide that they take more than 32 slices a side; negative
widths mixed with "reflect", "edge" or "wrap", whose order no document states.
"""

from __future__ import annotations

import numpy as np
import onnx

from ..graph.view import View
from .node_pass import Answer, Draft, NodePass, attribute

MOST = 32  # slices on one side of an axis
_END = np.iinfo(np.int64).max

Widths = dict[int, tuple[int, int]]  # before and after, by axis


def _rewrite(node: onnx.NodeProto, view: View) -> Answer:
    mode = attribute(node, "mode", "constant")
    widths = _widths(node, view)
    if isinstance(widths, str):
        return widths
    negative = any(min(pair) < 0 for pair in widths.values())
    if mode == "constant":
        return _cropped(node, view, widths) if negative else None
    if negative:
        return f"negative widths with mode {mode!r}"
    draft, x = Draft(node, view), node.input[0]
    if not widths:
        draft.op("Identity", x, final=True)
    shape = view.shape(x) or ()
    for axis, (before, after) in widths.items():
        size = shape[axis] if axis < len(shape) else None
        reach = max(before, after) + (mode == "reflect")
        if mode != "edge" and (not isinstance(size, int) or reach > size):
            return (
                f"{mode} reaches {max(before, after)} elements into an axis of {size or 'unknown'}"
            )
        if mode == "reflect" and max(before, after) > MOST:
            return f"a reflection of {max(before, after)} elements would take as many slices"
        first, last = _sides(draft, x, mode, axis, before, after)
        x = draft.op("Concat", *first, x, *last, axis=axis, final=axis == max(widths))
    return draft


def _widths(node: onnx.NodeProto, view: View) -> Widths | str:
    """Widths other than zero, or why they are not known."""
    pads, named = view.constant(node.input[1]), view.input(node, 3)
    axes = view.constant(named) if named else None
    shape = view.shape(node.input[0])
    if pads is None or (named and axes is None):
        return "its widths are not constants"
    if shape is None:
        return "its input's rank is not known"
    chosen = range(len(shape)) if axes is None else [int(a) % len(shape) for a in axes]
    count = len(pads) // 2
    pairs = zip(pads[:count].tolist(), pads[count:].tolist(), strict=True)
    found = {axis: pair for axis, pair in zip(chosen, pairs, strict=True) if any(pair)}
    return dict(sorted(found.items()))


def _cropped(node: onnx.NodeProto, view: View, widths: Widths) -> Draft:
    """A Slice for the negative widths, and a Pad for what is left."""
    draft, x = Draft(node, view), node.input[0]
    cut = {axis: pair for axis, pair in widths.items() if min(pair) < 0}
    grown = any(max(pair) > 0 for pair in widths.values())
    x = draft.op(
        "Slice",
        x,
        draft.ints(*(max(0, -before) for before, _ in cut.values()), role="starts"),
        draft.ints(*(min(0, after) or _END for _, after in cut.values()), role="ends"),
        draft.ints(*cut, role="axes"),
        final=not grown,
    )
    if grown:
        rank = len(view.shape(node.input[0]) or ())
        pads = [max(0, widths.get(a, (0, 0))[side]) for side in (0, 1) for a in range(rank)]
        value = [node.input[2]] if view.input(node, 2) else []
        draft.op("Pad", x, draft.ints(*pads, role="pads"), *value, mode="constant", final=True)
    return draft


def _sides(
    draft: Draft, x: str, mode: str, axis: int, before: int, after: int
) -> tuple[list[str], list[str]]:
    """Tensors to put in front of ``x`` and behind it."""

    def piece(start: int, end: int) -> str:
        bounds = (draft.ints(each, role=role) for each, role in ((start, "starts"), (end, "ends")))
        return draft.op("Slice", x, *bounds, draft.ints(axis, role="axes"))

    if mode == "wrap":
        front = [piece(-before, _END)] if before else []
        return front, [piece(0, after)] if after else []
    if mode == "edge":
        front = [piece(0, 1)] * before
        return front, [piece(-1, _END)] * after
    front = [piece(at, at + 1) for at in range(before, 0, -1)]
    return front, [piece(-at - 1, -at) for at in range(1, after + 1)]


PAD_SLICES = NodePass(
    "pad_slices",
    "Pad by reflection, edge, wrapping or negative widths as Slice and Concat",
    ("Pad",),
    _rewrite,
)
