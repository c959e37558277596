"""Outputs of networks that see one person an image."""

from __future__ import annotations

import numpy as np
import onnx

from .nodes import Nodes


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
    found = nodes.cast(nodes.at_least(score, nodes.weight(threshold)), np.int64)
    return nodes.model(
        [
            ("keypoints", keypoints, np.float32, ["batch", joints, 3]),
            ("scores", score, np.float32, ["batch"]),
            ("count", found, np.int64, ["batch"]),
        ]
    )
