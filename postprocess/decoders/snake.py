"""Deep Snake: from a heatmap of centres to contours (Peng et al., CVPR 2020, section 3.2).

The arithmetic is that of github.com/zju3dv/snake (network `ro_34`); its learned parts run in
`refine` and what lies between them is here and in `_box_contours.py`:

    peaks of the heatmap -> box = centre -+ wh / 2, cut to the map -> diamond -> octagon -> contour

Features are sampled outside of the graphs, bilinearly, so that none holds a GridSample.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..instances import Array, Instances
from ._box_contours import BoxContours, detected
from .base import Refine


@dataclass(frozen=True)
class Snake(BoxContours):
    """Decoder of Deep Snake's heads.

    Attributes:
        heatmap: output with the centre heatmap, (N, C, h, w) logits.
        wh: output with the box sizes, (N, 2, h, w), feature pixels.

    The others are those of `BoxContours`.
    """

    heatmap: str = "ct_hm"
    wh: str = "wh"

    def __call__(
        self,
        heads: Mapping[str, Array],
        refine: Refine | None = None,
        trace: dict[str, Array] | None = None,
    ) -> list[Instances]:
        """Decode a batch: see `Decoder`.

        Without `refine` the octagons in the boxes' diamonds are the result. Trace names, all in
        feature pixels as in the authors' code: ct (n, 2), detection (n, 6: box, score, class),
        it_ex (n, init_points, 2), ex (n, 4, 2), it_py (n, points, 2), and py.0 and on.

        Raises:
            InputError: a head is missing or its shape does not fit, or a trace of several images.

        Warns:
            RuntimeWarning: the network gave NaN or infinities; contours that hold one are dropped.
        """
        decoded = []
        for stages, centres, sizes, feature in self.each(heads, self.heatmap, self.wh, trace):
            stages["ct"] = np.stack([centres.xs, centres.ys], axis=1).astype(np.float32)
            stages["detection"] = rows = detected(centres, sizes)
            contours = self.contours(stages, rows[:, :4], feature, refine)
            decoded.append(self.instances(contours, rows))
        return decoded
