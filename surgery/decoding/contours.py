"""Centres and first contours of E2EC and Deep Snake as nodes; their learned steps stay outside.

E2EC (Zhang et al., CVPR 2022, section 3.2): contour = centre + wh * init_stride, clipped to the
map. Deep Snake (Peng et al., CVPR 2020, section 3.2): box = centre -+ wh / 2, cut to the map, and
the diamond of its edges' midpoints; its four edges are equally long, so ``resample`` gives each a
quarter of the points. Arithmetic as in ``postprocess.decoders``. The sampled features and
``refine.onnx`` take it from there: the graph hands on ``feature`` as it is.
"""

from __future__ import annotations

import numpy as np
import onnx

from postprocess.decoders.e2ec import E2EC
from postprocess.decoders.snake import Snake

from .nodes import Nodes
from .peaks import Peaks, at, count, peaks, scaled


def e2ec(nodes: Nodes, decoder: E2EC) -> onnx.ModelProto:
    """Outputs: scores, classes (N,K), boxes (N,K,4), contours (N,K,P,2), count (N,).

    Boxes and contours are those of the first contour, in network-input pixels: what the decoder
    gives without ``refine``, before its NMS. Centres (N,K,2) are in feature pixels.
    """
    heatmap = nodes.head(decoder.heatmap, 4)
    wh = nodes.head(decoder.wh, 4, 2 * decoder.points)
    found = _centres(nodes, heatmap, decoder)
    moves = nodes.reshape(at(nodes, wh, found.places, 2 * decoder.points), 0, 0, -1, 2)
    moves = scaled(nodes, moves, decoder.init_stride)
    contours = nodes.op("Add", nodes.reshape(found.centres, 0, 0, 1, 2), moves)
    contours = nodes.op("Max", contours, nodes.constant(0.0))
    contours = scaled(nodes, nodes.op("Min", contours, _last(nodes, heatmap)), decoder.stride)
    ends = [nodes.reduce(op, contours, 2) for op in ("ReduceMin", "ReduceMax")]
    boxes = nodes.op("Concat", *ends, axis=2)
    return _model(nodes, found, boxes, contours, decoder.k, decoder.points)


def snake(nodes: Nodes, decoder: Snake) -> onnx.ModelProto:
    """Outputs: scores, classes (N,K), boxes (N,K,4), contours (N,K,P,2), count (N,).

    Boxes are the detections', contours the diamonds' ``init_points`` vertices, in network-input
    pixels; centres (N,K,2) are in feature pixels.
    """
    heatmap, wh = nodes.head(decoder.heatmap, 4), nodes.head(decoder.wh, 4, 2)
    found = _centres(nodes, heatmap, decoder)
    half = nodes.op("Div", at(nodes, wh, found.places, 2), nodes.constant(2.0))
    low = nodes.op("Max", nodes.op("Sub", found.centres, half), nodes.constant(0.0))
    high = nodes.op("Min", nodes.op("Add", found.centres, half), _last(nodes, heatmap))
    middle = nodes.op("Div", nodes.op("Add", low, high), nodes.constant(2.0))
    # top (middle x, low y), left (low x, middle y), bottom, right
    across, down = nodes.constant([1.0, 0.0]), nodes.constant([0.0, 1.0])

    def vertex(x: str, y: str) -> str:
        point = nodes.op("Add", nodes.op("Mul", x, across), nodes.op("Mul", y, down))
        return nodes.reshape(point, 0, 0, 1, 2)

    corners = [vertex(middle, low), vertex(low, middle), vertex(middle, high), vertex(high, middle)]
    share = decoder.init_points // 4
    weights = (np.arange(share, dtype=np.float32) / np.float32(share))[:, None]
    forward, back = nodes.constant(weights), nodes.constant(np.float32(1) - weights)
    edges = [
        nodes.op("Add", nodes.op("Mul", start, back), nodes.op("Mul", end, forward))
        for start, end in zip(corners, [*corners[1:], corners[0]], strict=True)
    ]
    contours = scaled(nodes, nodes.op("Concat", *edges, axis=2), decoder.stride)
    boxes = scaled(nodes, nodes.op("Concat", low, high, axis=2), decoder.stride)
    return _model(nodes, found, boxes, contours, decoder.k, decoder.init_points)


def _centres(nodes: Nodes, heatmap: str, decoder: E2EC | Snake) -> Peaks:
    return peaks(
        nodes,
        heatmap,
        k=decoder.k,
        kernel=decoder.kernel,
        threshold=decoder.threshold,
        logits=True,
    )


def _last(nodes: Nodes, heatmap: str) -> str:
    """(2,) float32: the last column and row."""
    sides = nodes.op("Concat", nodes.side(heatmap, 3), nodes.side(heatmap, 2), axis=0)
    return nodes.op("Sub", nodes.cast(sides, np.float32), nodes.constant(1.0))


def _model(
    nodes: Nodes, found: Peaks, boxes: str, contours: str, k: int, points: int
) -> onnx.ModelProto:
    return nodes.model(
        [
            ("scores", found.scores, np.float32, ["batch", k]),
            ("classes", found.classes, np.int64, ["batch", k]),
            ("boxes", boxes, np.float32, ["batch", k, 4]),
            ("contours", contours, np.float32, ["batch", k, points, 2]),
            ("centres", found.centres, np.float32, ["batch", k, 2]),
            ("count", count(nodes, found.valid), np.int64, ["batch"]),
        ]
    )
