"""Forms of the operators that sample images: Resize, GridSample and RoiAlign."""

from __future__ import annotations

import numpy as np
import onnx

from ...graph.view import View
from ..node_pass import Draft, attribute, set_attribute
from .form import Answer, constants


def resize_axes(node: onnx.NodeProto, draft: Draft, view: View) -> Answer:
    """Scales or sizes of every axis; no antialiasing."""
    if attribute(node, "antialias", 0):
        return "antialias=1 came later"
    if attribute(node, "keep_aspect_ratio_policy", "stretch") != "stretch":
        return "keep_aspect_ratio_policy came later"
    axes = attribute(node, "axes")
    for name in ("antialias", "keep_aspect_ratio_policy", "axes"):
        set_attribute(node, name, None)
    if axes is None:
        return [node]
    sizes = view.sizes(node.input[0])
    for place in (2, 3):
        values = constants(node, place, view)
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


def resize_inputs(node: onnx.NodeProto, draft: Draft, view: View) -> Answer:
    """Region and scales, which had to be given, if only as empty tensors."""
    while len(node.input) < 3:
        node.input.append("")
    for place in (1, 2):
        if not node.input[place]:
            node.input[place] = draft.weight(np.zeros(0, np.float32), "empty")
    return [node]


def resize_plain(node: onnx.NodeProto, draft: Draft, view: View) -> Answer:
    """Of opset 10: scales alone; coordinates are divided by them and, for nearest, rounded down."""
    mode = attribute(node, "mode", "nearest")
    place = attribute(node, "coordinate_transformation_mode", "half_pixel")
    rounding = attribute(node, "nearest_mode", "round_prefer_floor")
    plain = place == "asymmetric" and (mode == "linear" or (mode, rounding) == ("nearest", "floor"))
    if len(node.input) > 3 or not plain:
        return f"{mode} with {place} coordinates came later"
    del node.input[1]
    del node.attribute[:]
    set_attribute(node, "mode", mode)
    return [node]


def grid_sample(node: onnx.NodeProto, draft: Draft, view: View) -> Answer:
    """The older names of its modes; images alone."""
    names = {"linear": "bilinear", "cubic": "bicubic", "nearest": "nearest"}
    shape = view.shape(node.input[0])
    if shape is None or len(shape) != 4:
        return "it samples something else than (N, C, H, W)"
    set_attribute(node, "mode", names[attribute(node, "mode", "linear")])
    return [node]


def roi_align(node: onnx.NodeProto, draft: Draft, view: View) -> Answer:
    """Coordinates as the older opset takes them alone."""
    if attribute(node, "coordinate_transformation_mode", "half_pixel") != "output_half_pixel":
        return "coordinate_transformation_mode=half_pixel came later"
    set_attribute(node, "coordinate_transformation_mode", None)
    return [node]
