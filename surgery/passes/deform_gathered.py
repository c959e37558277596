"""DeformConv as four Gathers and a 1x1 Conv: for opsets and run times without GridSample.

Without it: a file of mmdeploy or of TensorRT's plugins is of opset 11 or 13, where ONNX has neither
DeformConv (19) nor GridSample (16); ncnn, Core ML and NNAPI have no GridSample at any opset.

All places that the layer samples (:mod:`.deform_node`) are clipped to one pixel outside of the
image, in a frame of zeros: what lies further out has the value of the frame, 0. The four pixels
around a place are gathered as rows of (images * pixels, channels) and summed with their bilinear
weights times the mask. Exact up to float32 rounding. Memory: about four times that of
``deform_sampled``.

Declined: sizes that are not known; more than 2^24 pixels, whose numbers float32 does not count.
"""

from __future__ import annotations

import numpy as np

from .deform_node import DeformPass, Layer, convolve, rewriting, sampled_places
from .node_pass import Draft

COUNTED = 2**24  # whole numbers that float32 holds
BEFORE, AFTER = 1, 2  # rows of zeros: a place at `size` has its second neighbour at size + 1


def _write(draft: Draft, layer: Layer) -> str:
    height, width = (side + BEFORE + AFTER for side in (layer.height, layer.width))
    if layer.images * height * width > COUNTED:
        return f"its input has {layer.images * height * width} pixels, expected at most {COUNTED}"
    places = sampled_places(draft, layer)
    y, x = (_along(draft, layer, places, axis) for axis in (0, 1))
    rows = _pixels(draft, layer, height * width)
    count = layer.taps * layer.rows * layer.columns
    mask = ""
    if layer.mask:
        mask = draft.op("Reshape", layer.mask, draft.ints(layer.images, count, role="masks"))
    first = np.arange(layer.images, dtype=np.float32)[:, None] * np.float32(height * width)
    total = ""
    for down, vertical in enumerate(y.weights):
        for right, horizontal in enumerate(x.weights):
            start = first + np.float32((down + BEFORE) * width + right + BEFORE)
            line = draft.op("Mul", y.floor, draft.weight(np.array(width, np.float32), "width"))
            at = draft.op("Add", draft.op("Add", line, x.floor), draft.weight(start, "start"))
            index = draft.op("Cast", at, to=7)  # int64
            corner = draft.op("Gather", rows, index, axis=0)  # (images, count, each)
            share = draft.op("Mul", vertical, horizontal)
            if mask:
                share = draft.op("Mul", share, mask)
            column = draft.op("Reshape", share, draft.ints(layer.images, count, 1, role="share"))
            corner = draft.op("Mul", corner, column)
            total = draft.op("Add", total, corner) if total else corner
    convolve(draft, layer, draft.op("Transpose", total, perm=[0, 2, 1]))
    return ""


class _Along:
    """Places along one axis: the pixel before each, and the weights of it and of the one after."""

    def __init__(self, floor: str, weights: tuple[str, str]) -> None:
        self.floor = floor
        self.weights = weights


def _along(draft: Draft, layer: Layer, places: str, axis: int) -> _Along:
    """Clip one coordinate of the places and take it apart, (images, count) each."""
    side = (layer.height, layer.width)[axis]
    one = draft.op("Gather", places, draft.ints(axis, role="axis"), axis=2)
    count = layer.taps * layer.rows * layer.columns
    flat = draft.op("Reshape", one, draft.ints(layer.images, count, role="count"))
    bounds = [draft.weight(np.array(value, np.float32), "bound") for value in (-BEFORE, side)]
    place = draft.op("Clip", flat, *bounds)
    floor = draft.op("Floor", place)
    after = draft.op("Sub", place, floor)
    before = draft.op("Sub", draft.weight(np.array(1, np.float32), "one"), after)
    return _Along(floor, (before, after))


def _pixels(draft: Draft, layer: Layer, pixels: int) -> str:
    """The images in their frames as rows of channels, (images * pixels, each)."""
    frame = draft.ints(0, 0, BEFORE, BEFORE, 0, 0, AFTER, AFTER, role="frame")
    framed = draft.op("Pad", layer.image, frame)
    by_image = draft.ints(layer.images, layer.each, pixels, role="images")
    channels_last = draft.op("Transpose", draft.op("Reshape", framed, by_image), perm=[0, 2, 1])
    flat = draft.ints(layer.images * pixels, layer.each, role="pixels")
    return draft.op("Reshape", channels_last, flat)


DEFORM_GATHERED = DeformPass(
    "deform_gathered",
    "DeformConv and plugins' nodes as four Gathers and a 1x1 Conv",
    ("DeformConv",),
    rewriting(_write),
)
