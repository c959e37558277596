"""Nearest-neighbour Resize by a whole factor in the one form that every target takes.

Without it: the same repetition of pixels can be written in twenty ways (five coordinate rules, four
roundings), of which a target takes some. ONNX's own default is half_pixel with round_prefer_floor;
ONNX Runtime's providers say "Resize nearest neighbor, unsupported nearest_mode, round_prefer_floor"
(NNAPI, which wants asymmetric and floor) and "Resize only supports 'floor' nearest_mode" (Core ML).

Where the factor is whole and the rule picks input floor(o / s) for each output o, the attributes
become coordinate_transformation_mode=asymmetric, nearest_mode=floor. The rule is not reasoned about
but tried: ONNX Runtime's kernel resizes the unit vectors of the axis. Exact to the bit.

Declined: rules that pick other pixels (asymmetric rounded up, align_corners), and factors that are
not whole; ``resize_matmul`` takes those.
"""

from __future__ import annotations

import numpy as np
import onnx

from postprocess.errors import InputError

from ..graph.view import View
from .node_pass import Answer, Draft, NodePass, attribute
from .resizing import Resizing, describe

TRIED = 16  # elements, where the size is open: the rule for whole factors does not depend on it


def _rewrite(node: onnx.NodeProto, view: View) -> Answer:
    plain = attribute(node, "nearest_mode", "round_prefer_floor") == "floor"
    if attribute(node, "mode", "nearest") != "nearest":
        return None
    resizing = describe(node, view)
    if isinstance(resizing, str):
        return resizing
    if plain and resizing.coordinates == "asymmetric":
        return None
    for axis in resizing.scales:
        factor = resizing.factor(axis)
        if factor is None:
            return f"it scales axis {axis} by {resizing.scales[axis]:g}"
        if not repeats(resizing, axis, factor):
            return (
                f"{resizing.coordinates} picks other pixels than the {factor} times repeated ones"
            )
    draft = Draft(node, view)
    kept = {
        a.name: attribute(node, a.name)
        for a in node.attribute
        if a.name not in ("coordinate_transformation_mode", "nearest_mode", "cubic_coeff_a")
    }
    draft.op(
        "Resize",
        *node.input,
        final=True,
        **{**kept, "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
    )
    return draft


def repeats(resizing: Resizing, axis: int, factor: int) -> bool:
    """Whether output o along ``axis`` is input floor(o / factor)."""
    size = resizing.sizes.get(axis, (TRIED, 0))[0]
    try:
        found = resizing.matrix(axis, size)
    except InputError:
        return False
    return np.array_equal(found, np.eye(size, dtype=np.float32).repeat(factor, axis=0))


RESIZE_NEAREST = NodePass(
    "resize_nearest",
    "nearest-neighbour Resize by a whole factor with asymmetric coordinates, rounded down",
    ("Resize",),
    _rewrite,
)
