"""DepthToSpace in mode CRD, which PyTorch's pixel_shuffle is, as mode DCR.

Without it: NNAPI takes DepthToSpace with mode DCR alone ("mode=CRD, takes DCR"), and Core ML takes
CRD only for fixed shapes; super-resolution networks and many heads end in a pixel shuffle.

The modes differ in the order of the channels: CRD has (C, s, s), DCR (s, s, C). Where an ungrouped
Conv with constant weights makes the tensor, and nothing else reads it, its output channels change
places, which costs nothing; elsewhere a Gather along the channels puts them in order. Exact to the
bit.

Declined: a number of channels that is not known.
"""

from __future__ import annotations

import numpy as np
import onnx

from ..graph.view import View
from .node_pass import Answer, Draft, NodePass, attribute


def _rewrite(node: onnx.NodeProto, view: View) -> Answer:
    if attribute(node, "mode", "DCR") == "DCR":
        return None
    x, block = node.input[0], attribute(node, "blocksize")
    shape = view.shape(x)
    channels = shape[1] if shape else None
    if not isinstance(channels, int):
        return "the number of channels is not known"
    order = np.arange(channels).reshape(-1, block * block).T.reshape(-1)
    draft = Draft(node, view)
    ordered = reordered(draft, view.makers.get(x), view, order)
    if ordered is None:
        ordered = draft.op("Gather", x, draft.weight(order, "order"), axis=1)
    draft.op("DepthToSpace", ordered, blocksize=block, mode="DCR", final=True)
    return draft


def reordered(
    draft: Draft,
    made: onnx.NodeProto | None,
    view: View,
    order: np.ndarray[tuple[int], np.dtype[np.int64]],
) -> str | None:
    """Add the convolution ``made`` with its outputs in ``order``; None where it cannot be had."""
    if made is None or made.op_type != "Conv" or attribute(made, "group", 1) != 1:
        return None
    weight, named = view.constant(made.input[1]), view.input(made, 2)
    bias = view.constant(named) if named else None
    if weight is None or (named and bias is None) or not view.only_reader(made.output[0]):
        return None
    inputs = [made.input[0], draft.weight(weight[order])]
    if bias is not None:
        inputs.append(draft.weight(bias[order], "bias"))
    return draft.op("Conv", *inputs, **{a.name: attribute(made, a.name) for a in made.attribute})


DEPTH_TO_SPACE = NodePass(
    "depth_to_space",
    "DepthToSpace in mode CRD as mode DCR, its channels put in order",
    ("DepthToSpace",),
    _rewrite,
)
