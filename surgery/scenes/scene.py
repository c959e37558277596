"""What a drawn scene is: a photo-like image and the objects in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .outlines import Points

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Instance:
    """One object: class id, whole outline (P, 2) float32, visible mask (H, W) bool.

    keypoints: (K, 3) float32 x, y, visibility as COCO has it (0 not labelled, 1 hidden, 2 seen),
    for the domains that have them.
    """

    label: int
    outline: Points
    mask: Mask
    keypoints: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Scene:
    """An image (H, W, 3) uint8 BGR and its objects, back to front."""

    image: NDArray[np.uint8]
    instances: list[Instance]
