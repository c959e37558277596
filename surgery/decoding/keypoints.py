"""Keypoints of one person an image as nodes: of heatmaps and of SimCC's two rows of bins.

``postprocess.decoders.keypoints`` in operators: argmax, quarter (Newell et al., ECCV 2016, as
HRNet's code does it), dark (Zhang et al., CVPR 2020) and dark_udp (Huang et al., CVPR 2020). The
blur of the dark methods is taken at the few pixels that the step reads, and the step is computed
in double precision, as in the decoder. ``postprocess.decoders.simcc`` in operators: Li et al.,
ECCV 2022, section 3, the first maximum of each axis divided by the split ratio, and the smaller of
the two maxima as the score.
"""

from __future__ import annotations

import numpy as np
import onnx

from postprocess.decoders.simcc import SimCC
from postprocess.decoders.top_down import Keypoints

from .dark import dark_step, dark_udp_step
from .nodes import Nodes
from .places import Places, inside, values_at


def keypoints(nodes: Nodes, decoder: Keypoints) -> onnx.ModelProto:
    """Outputs: keypoints (N,K,3: x, y, score) in network-input pixels, scores, count (N,)."""
    heatmap = nodes.head(decoder.heatmap, 4, layout=decoder.layout)
    if decoder.activation == "sigmoid":
        heatmap = nodes.op("Sigmoid", heatmap)
    flat = nodes.reshape(heatmap, 0, 0, -1)
    top = nodes.reduce("ReduceMax", flat, 2, keep=True)
    index = nodes.op("ArgMax", flat, axis=2, keepdims=1)
    width, height = nodes.side(heatmap, 3), nodes.side(heatmap, 2)
    y = nodes.op("Div", index, width)
    x = nodes.op("Sub", index, nodes.op("Mul", y, width))
    at = Places(
        flat,
        *(nodes.cast(each, np.float32) for each in (x, y, width, height)),
    )
    points = nodes.op("Concat", at.x, at.y, axis=2)
    if decoder.method != "argmax":
        step = {"quarter": quarter_step, "dark": dark_step, "dark_udp": dark_udp_step}
        points = nodes.op("Add", points, step[decoder.method](nodes, at, decoder.kernel))
    points = nodes.op("Mul", points, _pixels(nodes, at, decoder))
    joints = nodes.op("Concat", points, top, axis=2)
    number = nodes.channels(decoder.heatmap) if decoder.layout == "nchw" else "joints"
    score = _person(nodes, top, decoder)
    return person_model(nodes, joints, number, score, decoder.threshold)


def quarter_step(nodes: Nodes, at: Places, kernel: int) -> str:
    """(N,K,2) a quarter pixel towards the larger neighbour, where the maximum is inside."""
    right, left, below, above = (
        values_at(nodes, at, nodes.constant([dx]), nodes.constant([dy]))
        for dx, dy in ((1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0))
    )
    steps = [
        nodes.op("Sub", *(nodes.cast(nodes.op("Greater", *pair), np.float32) for pair in order))
        for order in (((right, left), (left, right)), ((below, above), (above, below)))
    ]
    step = nodes.op("Mul", nodes.op("Concat", *steps, axis=2), nodes.constant(0.25))
    return nodes.op("Where", inside(nodes, at, 1.0, 1.0), step, nodes.constant(0.0))


def _pixels(nodes: Nodes, at: Places, decoder: Keypoints) -> str:
    """(2,) network-input pixels of a heatmap pixel, x and y."""
    if not decoder.unbiased:
        return nodes.constant([decoder.stride] * 2)
    sides = nodes.cast(nodes.op("Concat", at.width, at.height, axis=0), np.float64)
    one = nodes.constant(1.0, np.float64)
    reach = nodes.op("Sub", nodes.op("Mul", sides, nodes.constant(decoder.stride, np.float64)), one)
    least = nodes.op("Max", nodes.op("Sub", sides, one), one)
    return nodes.cast(nodes.op("Div", reach, least), np.float32)


def _person(nodes: Nodes, top: str, decoder: Keypoints) -> str:
    """(N,) score of the person: the mean of its joints, or of those that count."""
    if decoder.score == "mean":
        return nodes.reduce("ReduceMean", top, 1, 2)
    seen = nodes.cast(nodes.at_least(top, nodes.constant(decoder.joint_threshold)), np.float32)
    total = nodes.reduce("ReduceSum", nodes.op("Mul", top, seen), 1, 2)
    number = nodes.op("Max", nodes.reduce("ReduceSum", seen, 1, 2), nodes.constant(1.0))
    return nodes.op("Div", total, number)


def person_model(
    nodes: Nodes, keypoints: str, joints: int | str, score: str, threshold: float
) -> onnx.ModelProto:
    """The graph: keypoints (N,K,3), scores (N,), and count (N,): whether there is a person.

    Args:
        keypoints: (N,K,3) x, y, score.
        joints: K.
        score: (N,) of the person.
        threshold: least score of a person.
    """
    found = nodes.cast(nodes.at_least(score, nodes.constant(threshold)), np.int64)
    return nodes.model(
        [
            ("keypoints", keypoints, np.float32, ["batch", joints, 3]),
            ("scores", score, np.float32, ["batch"]),
            ("count", found, np.int64, ["batch"]),
        ]
    )


def simcc(nodes: Nodes, decoder: SimCC) -> onnx.ModelProto:
    """Outputs: keypoints (N,K,3: x, y, score) in network-input pixels, scores, count (N,)."""
    places, tops = [], []
    for name in (decoder.x, decoder.y):
        bins = nodes.head(name, 3)
        place = nodes.cast(nodes.op("ArgMax", bins, axis=2, keepdims=1), np.float32)
        places.append(nodes.op("Div", place, nodes.constant(decoder.split_ratio)))
        tops.append(nodes.reduce("ReduceMax", bins, 2, keep=True))
    scores = nodes.op("Min", *tops)
    mean = nodes.reduce("ReduceMean", scores, 1, 2)
    joints = nodes.op("Concat", *places, scores, axis=2)
    return person_model(nodes, joints, nodes.channels(decoder.x), mean, decoder.threshold)
