"""SimCC's keypoints as nodes: ``postprocess.decoders.simcc`` in operators.

Li et al., ECCV 2022, section 3: the first maximum of each axis divided by the split ratio, and the
smaller of the two maxima as the score.
"""

from __future__ import annotations

import numpy as np
import onnx

from postprocess.decoders.simcc import SimCC

from .nodes import Nodes
from .people import person_model


def simcc(nodes: Nodes, decoder: SimCC) -> onnx.ModelProto:
    """Outputs: keypoints (N,K,3: x, y, score) in network-input pixels, scores, count (N,)."""
    places, tops = [], []
    for name in (decoder.x, decoder.y):
        bins = nodes.head(name, 3)
        place = nodes.cast(nodes.op("ArgMax", bins, axis=2, keepdims=1), np.float32)
        places.append(nodes.op("Div", place, nodes.weight(decoder.split_ratio)))
        tops.append(nodes.reduce("ReduceMax", bins, 2, keep=True))
    scores = nodes.op("Min", *tops)
    mean = nodes.reduce("ReduceMean", scores, 1, 2)
    joints = nodes.op("Concat", *places, scores, axis=2)
    return person_model(nodes, joints, nodes.channels(decoder.x), mean, decoder.threshold)
