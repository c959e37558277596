"""Random poses of a jointed figure: 17 joints as COCO orders them, in body units.

One unit is the distance from the middle of the hips to the middle of the shoulders; y points down
as in an image. A figure faces the camera or turns its back; its left and right follow from that
alone, so that a mirrored drawing is the drawing of a mirrored figure.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .textures import Rng

Vector = NDArray[np.float64]

JOINTS = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder",
    "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee",
    "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip
PAIRS = tuple((left, left + 1) for left in range(1, len(JOINTS), 2))
"""Indices of joints that a mirror exchanges."""
FACE = (0, 1, 2)
"""Joints that a figure seen from behind does not show."""
SKELETON = (
    (15, 13), (13, 11), (16, 14), (14, 12), (11, 12), (5, 11), (6, 12), (5, 6), (5, 7), (6, 8),
    (7, 9), (8, 10), (1, 2), (0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 6),
)  # fmt: skip


class Pose(NamedTuple):
    """A figure in body units.

    Attributes:
        joints: (17, 2) x, y.
        head: centre of the head, x, y.
        radius: of the head.
        behind: whether the figure is seen from behind, so that it shows no face.
    """

    joints: Vector
    head: Vector
    radius: float
    behind: bool


def random_pose(rng: Rng) -> Pose:
    """Draw a pose: limb lengths, tilt of the body, turn of head and body, and bend of each limb."""
    behind = bool(rng.random() < 0.3)
    side = -1.0 if behind else 1.0  # where in the image the figure's left is
    turn = rng.uniform(0.45, 1.0)  # narrows what is wide when the body is turned
    spread = rng.choice([10.0, 30.0, 90.0], p=[0.75, 0.2, 0.05])
    up = _turned(np.array([0.0, -1.0]), np.clip(rng.normal(0, spread), -180, 180))
    across = np.array([-up[1], up[0]]) * side  # towards the figure's left
    joints = np.zeros((len(JOINTS), 2))
    for first, height, half in ((5, 1.0, rng.uniform(0.28, 0.42)), (11, 0.0, 0.2)):
        joints[first] = up * height + across * half * turn
        joints[first + 1] = up * height - across * half * turn
    nod = _turned(up, rng.normal(0, 12))
    radius = rng.uniform(0.24, 0.34)
    head = up + nod * (radius + rng.uniform(0.1, 0.25))
    joints[:5] = _face(rng, head, nod, radius, side)
    for first in (5, 11):
        for offset, outwards in ((0, 1.0), (1, -1.0)):
            limb = _arm(rng) if first == 5 else _leg(rng)
            # a limb hangs along the body, and opens away from the other one
            start, sense = first + offset, outwards * side
            middle, end = (
                _turned(-up, -sense * angle) * length
                for angle, length in zip(limb.angles, limb.lengths, strict=True)
            )
            joints[start + 2] = joints[start] + middle
            joints[start + 4] = joints[start] + middle + end
    return Pose(joints, head, float(radius), behind)


class _Limb(NamedTuple):
    """Angles from the body's downward axis, positive outwards, degrees; lengths in units."""

    angles: tuple[float, float]
    lengths: tuple[float, float]


def _arm(rng: Rng) -> _Limb:
    raised = rng.normal(22, 22) if rng.random() < 0.5 else rng.uniform(-30, 180)
    bend = rng.normal(0, 20) if rng.random() < 0.45 else rng.uniform(-140, 140)
    return _Limb((raised, raised + bend), (_length(rng, 0.55), _length(rng, 0.5)))


def _leg(rng: Rng) -> _Limb:
    raised = rng.normal(10, 12) if rng.random() < 0.65 else rng.uniform(-25, 110)
    bend = rng.normal(-4, 12) if rng.random() < 0.6 else rng.uniform(-130, 20)
    return _Limb((raised, raised + bend), (_length(rng, 0.78), _length(rng, 0.75)))


def _length(rng: Rng, usual: float) -> float:
    """A length, shorter at times because the limb points at the camera."""
    towards = rng.uniform(0.55, 1.0) if rng.random() < 0.25 else 1.0
    return float(usual * rng.uniform(0.82, 1.2) * towards)


def _face(rng: Rng, head: Vector, nod: Vector, radius: float, side: float) -> Vector:
    """Nose, eyes and ears (5, 2) of a head whose upward axis is `nod`."""
    left = np.array([-nod[1], nod[0]]) * side
    yaw = rng.uniform(-0.35, 0.35)
    places = ((yaw, -0.12), (yaw + 0.4, 0.25), (yaw - 0.4, 0.25), (0.98, 0.05), (-0.98, 0.05))
    return np.array([head + radius * (x * left + y * nod) for x, y in places])


def _turned(vector: Vector, degrees: float) -> Vector:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([c * vector[0] - s * vector[1], s * vector[0] + c * vector[1]])
