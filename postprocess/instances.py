"""What a decoder returns for one image, in pixels of the network's input."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Instances:
    """Objects of one image, score descending; x before y; network-input pixels.

    Attributes:
        scores: (n,) float32.
        classes: (n,) int64, index into the model's class names.
        boxes: (n, 4) float32, x1, y1, x2, y2.
        contours: (n, P, 2) float32 closed polygons, or None.
        keypoints: (n, K, 3) float32 x, y, score, or None.
    """

    scores: Array
    classes: NDArray[np.int64]
    boxes: Array
    contours: Array | None = None
    keypoints: Array | None = None

    def __len__(self) -> int:
        return len(self.scores)
