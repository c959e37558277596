"""Deep Snake with component detection: instances that occlusion cuts become several contours.

Peng et al., "Deep Snake for Real-Time Instance Segmentation" (CVPR 2020), "Handling multi-component
objects"; arithmetic as in github.com/zju3dv/snake (network `rcnn_34`, lib/utils/rcnn_snake). The
learned parts run in `refine` and what lies between them is here and in `_box_contours.py`:

    peaks of the heatmap -> boxes of whole instances -> NMS within each class
    -> ROI align -> heatmap and sizes of the components (branch `component`) -> their boxes -> NMS
    -> a diamond, an octagon, a contour for each component

No output of the authors' own run is available for this network: its parts are tested separately.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..instances import Array, Instances
from ._box_contours import BoxContours, detected
from .base import Refine
from .greedy_nms import greedy_nms
from .roi import roi_align


@dataclass(frozen=True)
class SnakeRcnn(BoxContours):
    """Decoder of the heads of Deep Snake with component detection.

    Attributes:
        heatmap: output with the centre heatmap, (N, C, h, w) logits.
        wh: output with the box sizes, (N, 2, h, w), feature pixels.
        region: rows and columns of an instance's region.
        instance_overlap: boxes of one class that overlap a better one's more than this are dropped.
        component_overlap: the same for the components of an instance.
        component_score: components must score more.
        components: most components of an instance, before NMS.
        whole_classes: indices of classes whose instances are never cut.

    The others are those of `BoxContours`.
    """

    threshold: float = 0.03
    heatmap: str = "act_hm"
    wh: str = "awh"
    region: tuple[int, ...] = (7, 28)
    instance_overlap: float = 0.7
    component_overlap: float = 0.1
    component_score: float = 0.25
    components: int = 50
    whole_classes: tuple[int, ...] = (1, 2)  # Cityscapes' person and rider

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.region) != 2 or min(self.region) < 1:
            raise self.wrong("region", "rows and columns, each at least 1")
        self.at_least(1, "components")

    def __call__(
        self,
        heads: Mapping[str, Array],
        refine: Refine | None = None,
        trace: dict[str, Array] | None = None,
    ) -> list[Instances]:
        """Decode a batch: see `Decoder`. One row a component, with its instance's score and class.

        Without `refine` every instance is one component, and its octagon the result. Trace names,
        all in feature pixels as in the authors' code: detection (n, 6: box, score, class) of the
        instances, cp_box (m, 4) and cp_ind (m,) of the components and the instance of each; then
        with one row a component it_ex (m, init_points, 2), ex (m, 4, 2), it_py (m, points, 2), and
        py.0 and on.

        Raises:
            InputError: a head is missing or its shape does not fit, or a trace of several images.

        Warns:
            RuntimeWarning: the network gave NaN or infinities; contours that hold one are dropped.
        """
        decoded = []
        for stages, centres, sizes, feature in self.each(heads, self.heatmap, self.wh, trace):
            rows = self._distinct(detected(centres, sizes))
            boxes, owners = self._components(rows, feature, refine)
            stages["detection"], stages["cp_box"] = rows, boxes
            stages["cp_ind"] = owners.astype(np.float32)
            contours = self.contours(stages, boxes, feature, refine)
            decoded.append(self.instances(contours, rows[owners]))
        return decoded

    def _distinct(self, rows: Array) -> Array:
        """Rows (n,6) after NMS within each class, score descending."""
        boxes, scores, classes = rows[:, :4], rows[:, 4], rows[:, 5]
        kept = greedy_nms(boxes, scores, self.instance_overlap, classes, backend=self.backend)
        return rows[np.sort(kept)]

    def _components(
        self, rows: Array, feature: Array, refine: Refine | None
    ) -> tuple[Array, NDArray[np.int64]]:
        """Boxes (m,4) of the components of instances (n,6), and the instance of each, (m,)."""
        whole = np.isin(rows[:, 5], self.whole_classes) | (refine is None)
        cut = np.flatnonzero(~whole)
        boxes = [row[None, :4] for row in rows]
        if refine is not None and len(cut):
            size = self.region[0], self.region[1]
            regions = roi_align(feature, rows[cut, :4], size, backend=self.backend)
            maps = refine({"component_features": regions}, ["component_maps"])["component_maps"]
            for index, each in zip(cut, maps, strict=True):
                boxes[index] = self._component_boxes(each, rows[index, :4])
        owners = np.repeat(np.arange(len(rows)), [len(each) for each in boxes])
        return np.concatenate([np.zeros((0, 4), np.float32), *boxes]), owners

    def _component_boxes(self, maps: Array, box: Array) -> Array:
        """Boxes (m,4) of the components that maps (3, rows, columns) show in a box (4,)."""
        rows, columns = maps.shape[1:]
        logits = maps[0].ravel()
        order = np.argsort(-logits, kind="stable")[: self.components]
        scores = 1 / (1 + np.exp(-logits[order]))
        half = maps[1:].reshape(2, -1)[:, order].T / np.float32(2)
        cell = np.stack([order % columns / columns, order // columns / rows], axis=1)
        centres = box[:2] + cell.astype(np.float32) * (box[2:] - box[:2])
        boxes: Array = np.concatenate([centres - half, centres + half], axis=1)
        kept = greedy_nms(boxes, scores, self.component_overlap, backend=self.backend)
        chosen: Array = boxes[kept[scores[kept] > self.component_score]]
        return chosen
