"""CenterNet's boxes as nodes: ``postprocess.decoders.ctdet`` in operators, in its order.

centre = peak + offset + center_shift;  wh: centre -+ size / 2;  ltrb: centre - lt, centre + rb
"""

from __future__ import annotations

import numpy as np
import onnx

from postprocess.decoders.ctdet import CTDet, resolved_shift

from .nms import fast_nms, to_front
from .nodes import Nodes
from .peaks import at, count, peaks, scaled


def ctdet(nodes: Nodes, decoder: CTDet) -> onnx.ModelProto:
    """Outputs: scores, classes (N,K), boxes (N,K,4) in network-input pixels, count (N,)."""
    k, sides = decoder.k, 2 if decoder.box == "wh" else 4
    heatmap = nodes.head(decoder.heatmap, 4, layout=decoder.layout)
    size = nodes.head(decoder.size, 4, sides, decoder.layout)
    found = peaks(
        nodes,
        heatmap,
        k=k,
        kernel=decoder.kernel,
        threshold=decoder.threshold,
        logits=decoder.activation == "sigmoid",
    )
    centres = found.centres
    if decoder.offset is not None:
        offset = nodes.head(decoder.offset, 4, 2, decoder.layout)
        centres = nodes.op("Add", centres, at(nodes, offset, found.places, 2))
    shift = resolved_shift(decoder.center_shift, decoder.offset is None)
    if shift:
        centres = nodes.op("Add", centres, nodes.constant(shift))
    factor = decoder.size_scale / (decoder.stride if decoder.size_unit == "input" else 1.0)
    reach = scaled(nodes, at(nodes, size, found.places, sides), factor)
    before = after = reach
    if sides == 2:
        before = after = nodes.op("Div", reach, nodes.constant(2.0))
    else:
        before, after = (
            nodes.op("Gather", reach, nodes.constant(pair, np.int64), axis=2)
            for pair in ([0, 1], [2, 3])
        )
    corners = nodes.op("Sub", centres, before), nodes.op("Add", centres, after)
    boxes = nodes.op("Concat", *corners, axis=2)
    scores, classes, valid = found.scores, found.classes, found.valid
    if decoder.iou is not None:
        kept = fast_nms(nodes, boxes, classes, valid, k=k, iou=decoder.iou)
        rows = [(scores, 0), (classes, 0), (boxes, 4)]
        valid, (scores, classes, boxes) = to_front(nodes, kept, rows, k=k)
    return nodes.model(
        [
            ("scores", scores, np.float32, ["batch", k]),
            ("classes", classes, np.int64, ["batch", k]),
            ("boxes", scaled(nodes, boxes, decoder.stride), np.float32, ["batch", k, 4]),
            ("count", count(nodes, valid), np.int64, ["batch"]),
        ]
    )
