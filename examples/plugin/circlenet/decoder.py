"""The decoder: peaks of the heatmap and the radius at each become circles, in numpy alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from postprocess.decoders.base import Parameters, Refine
from postprocess.decoders.peaks import peaks_batch
from postprocess.errors import InputError
from postprocess.instances import Array, Instances


@dataclass(frozen=True)
class Circles(Parameters):
    """Contours are regular polygons, in network-input pixels.

    Attributes:
        stride: network-input pixels of a heatmap pixel.
        k: most circles of an image.
        threshold: least score.
        points: corners of a contour.
    """

    stride: float = 4.0
    k: int = 100
    threshold: float = 0.05
    points: int = 32

    def __call__(
        self,
        heads: Mapping[str, Array],
        refine: Refine | None = None,
        trace: dict[str, Array] | None = None,
    ) -> list[Instances]:
        """Decode a batch; the trace holds circles (n, 3: x, y, radius), network-input pixels."""
        missing = {"heatmap", "radius"} - set(heads)
        if missing:
            raise InputError(f"decoder circlenet needs the heads {', '.join(sorted(missing))}")
        found = peaks_batch(heads["heatmap"], self.k, self.threshold)
        angles = np.linspace(0, 2 * np.pi, self.points, endpoint=False)
        unit = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
        decoded = []
        for peak, radii in zip(found, heads["radius"], strict=True):
            centres = (np.stack([peak.xs, peak.ys], axis=1) + 0.5).astype(np.float32)
            centres, radius = centres * self.stride, radii[0, peak.ys, peak.xs] * self.stride
            if trace is not None:
                trace["circles"] = np.concatenate([centres, radius[:, None]], axis=1)
            boxes = np.concatenate([centres - radius[:, None], centres + radius[:, None]], axis=1)
            contours = centres[:, None] + radius[:, None, None] * unit
            decoded.append(Instances(peak.scores, peak.classes, boxes, contours))
        return decoded
