"""A picture of one drawn figure, for trying out a network that sees one person at a time."""

from __future__ import annotations

from itertools import count

import cv2
import numpy as np
from numpy.typing import NDArray

from .draw import draw
from .figures import SEEN
from .pose import JOINTS
from .scene import Instance

STRIDE = 1000  # scenes from one portrait's first to the next one's
LEVELS = (("nose",), ("left_hip", "right_hip"), ("left_ankle", "right_ankle"))


def portrait(seed: int, index: int, growth: float = 1.25) -> NDArray[np.uint8]:
    """Portrait number `index` of a seed: (h, w, 3) uint8 BGR.

    The first upright figure of scene STRIDE * index, or of those after it, whose joints are all
    seen, cut out with what is around it.
    """
    for number in count(STRIDE * index):
        scene = draw(seed, number, domain="figures")
        for instance in scene.instances:
            if _whole(instance) and _upright(instance):
                x, y, width, height = cv2.boundingRect(instance.mask.view(np.uint8))
                around = int((growth - 1) / 2 * max(width, height))
                top, left = max(y - around, 0), max(x - around, 0)
                inside = scene.image[top : y + height + around, left : x + width + around]
                return np.ascontiguousarray(inside)
    raise AssertionError("count() does not end")


def _upright(instance: Instance) -> bool:
    """Nose over hips, hips over ankles."""
    assert instance.keypoints is not None
    heights = instance.keypoints[:, 1]
    nose, hips, ankles = (heights[[JOINTS.index(n) for n in names]] for names in LEVELS)
    return bool(nose.max() < hips.min() and hips.max() < ankles.min())


def _whole(instance: Instance) -> bool:
    return instance.keypoints is not None and bool((instance.keypoints[:, 2] == SEEN).all())
