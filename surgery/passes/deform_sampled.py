"""DeformConv as GridSample and a 1x1 Conv, for a file whose network in torch is not there.

Without it: OpenVINO, OpenCV, ncnn, Core ML and NNAPI have no DeformConv ("not among its operators",
OpenVINO: "No conversion for operation DeformConv"), nodes of plugins run where the plugin is alone,
and a graph that somebody else exported cannot go back to its torch module.

All places that the layer samples (:mod:`.deform_node`) are one GridSample over a grid of k * h
rows, bilinear with zeros outside and aligned corners, so that the grid is 2 p / (size - 1) - 1.
Exact up to float32 rounding. Memory: k times the input. Plugins' nodes: ``DCNv2`` of TensorRT and
``MMCVModulatedDeformConv2d`` of mmdeploy and mmcv, with the attributes that their sources document.

Declined: sizes that are not known, an input of one row or column, opsets below 16 (GridSample):
``deform_gathered`` does the last two.
"""

from __future__ import annotations

import numpy as np

from .deform_node import DeformPass, Layer, convolve, rewriting, sampled_places
from .node_pass import Draft


def _write(draft: Draft, layer: Layer) -> str:
    height, width = layer.height, layer.width
    if 1 in (height, width):
        return "its input is one row or column"
    places = sampled_places(draft, layer)
    scale = np.array([2 / (height - 1), 2 / (width - 1)], np.float32).reshape(1, 1, 2, 1, 1)
    scaled = draft.op("Mul", places, draft.weight(scale, "scale"))
    grid = draft.op("Sub", scaled, draft.weight(np.array(1, np.float32), "one"))
    grid = draft.op("Transpose", grid, perm=[0, 1, 3, 4, 2])  # (.., y, x)
    swapped = draft.op("Gather", grid, draft.ints(1, 0, role="order"), axis=4)
    wide = draft.ints(layer.images, layer.taps * layer.rows, layer.columns, 2, role="grid")
    grid = draft.op("Reshape", swapped, wide)
    images = layer.image
    if layer.groups > 1:
        by_group = draft.ints(layer.images, layer.each, height, width, role="groups")
        images = draft.op("Reshape", images, by_group)
    sampled = draft.op(
        "GridSample", images, grid, mode="bilinear", padding_mode="zeros", align_corners=1
    )
    sides = (layer.taps, layer.rows, layer.columns)
    apart = draft.ints(layer.images, layer.each, *sides, role="samples")
    sampled = draft.op("Reshape", sampled, apart)
    if layer.mask:
        one = draft.ints(layer.images, 1, *sides, role="masks")
        sampled = draft.op("Mul", sampled, draft.op("Reshape", layer.mask, one))
    convolve(draft, layer, sampled)
    return ""


DEFORM_SAMPLED = DeformPass(
    "deform_sampled",
    "DeformConv and plugins' nodes as GridSample and a 1x1 Conv",
    ("DeformConv",),
    rewriting(_write),
    opsets=range(16, 1000),
)
