"""The evolutions of E2EC and Deep Snake between their networks: sample, run, add the offsets.

Arithmetic as in github.com/zju3dv/snake (lib/networks/snake/evolve.py) and
github.com/zhang-tao-whu/e2ec (network/evolve). The learned steps are the branches evolve0,
evolve1, ... of `refine`.
"""

from __future__ import annotations

import numpy as np

from ..instances import Array
from ._backend import Backend
from .base import Refine
from .contours import canonical_contours
from .sample import sample


def evolved(
    contours: Array,
    feature: Array,
    refine: Refine,
    *,
    evolutions: int,
    stride: float,
    scale: float = 1.0,
    align_corners: bool = False,
    backend: Backend = "cpp",
) -> list[Array]:
    """Contours after each evolution.

    Args:
        contours: (n,P,2), feature pixels; with none the networks are not run.
        feature: (F,h,w) that the contours sample.
        refine: the learned part.
        evolutions: how many.
        stride: network-input pixels for one feature pixel.
        scale: factor on an evolution's offsets, network-input pixels.
        align_corners: grid_sample's flag.
        backend: "cpp" or "numpy".

    Returns:
        One (n,P,2) float32 array an evolution, feature pixels.
    """
    step = np.float32(stride)
    stages = []
    for i in range(evolutions):
        if len(contours):
            feeds = {
                f"evolve{i}_samples": sample(feature, contours, align_corners, backend=backend),
                f"evolve{i}_contour": canonical_contours(contours, backend) * step,
            }
            offsets = refine(feeds, [f"evolve{i}_offset"])[f"evolve{i}_offset"]
            moved: Array = contours * step + offsets * np.float32(scale)
            contours = moved / step
        stages.append(contours)
    return stages
