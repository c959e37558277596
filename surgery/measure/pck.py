"""PCK, the share of correct keypoints: those found within a part of the torso's length.

Yang and Ramanan, "Articulated Human Detection with Flexible Mixtures of Parts" (PAMI 2013), section
7, with a person's torso, from the left shoulder to the right hip, as the length.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

TORSO = ("left_shoulder", "right_hip")
SHARES = (0.1, 0.2)


def distances(
    found: NDArray[Any], truth: NDArray[Any], torso: Sequence[int]
) -> NDArray[np.float64]:
    """Distances of one person's keypoints in torso lengths; NaN for those that are not labelled.

    Args:
        found: (K, 2 or more) x, y.
        truth: (K, 3) x, y, visibility; 0 is not labelled.
        torso: indices of the keypoints TORSO.

    Returns:
        (K,) float64; all NaN where the torso is not labelled.
    """
    first, second = torso
    apart = np.linalg.norm(np.asarray(found, np.float64)[:, :2] - truth[:, :2], axis=1)
    length = np.linalg.norm(truth[first, :2] - truth[second, :2])
    if not length > 0 or not (truth[[first, second], 2] > 0).all():
        return np.full(len(truth), np.nan)
    return np.where(truth[:, 2] > 0, apart / length, np.nan)


def pck(measured: NDArray[np.float64]) -> dict[str, float]:
    """PCK at SHARES of (n, K) distances, over all labelled keypoints; -1 where there is none."""
    counted = measured[~np.isnan(measured)]
    return {
        f"PCK@{share}": float((counted <= share).mean()) if counted.size else -1.0
        for share in SHARES
    }
