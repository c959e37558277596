"""E2EC: from a heatmap of centres to contours (Zhang et al., CVPR 2022, sections 3.2 to 3.4).

The arithmetic is that of github.com/zhang-tao-whu/e2ec (network/detector_decode and
network/evolve); its learned parts run in `refine` and this file is what lies between them:

    peaks of the heatmap -> initial contour = centre + wh * init_stride, clipped
    -> coarse contour = initial + offset * coarse_stride, clipped
    -> evolutions: contour = contour + offset * evolve_stride / stride

Features are sampled here, bilinearly, so that no graph holds a GridSample.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..errors import InputError
from ..instances import Array, Instances
from ._evolution import evolved
from ._finite import finite_rows
from .base import Parameters, Refine, check_trace
from .contours import clip_contours, contour_boxes, contours_at
from .jagged import undo_jagged
from .nms import fast_nms
from .peaks import Peaks, peaks_batch
from .sample import sample


@dataclass(frozen=True)
class E2EC(Parameters):
    """Decoder of E2EC's heads.

    Attributes:
        heatmap: output with the centre heatmap, (N, C, h, w) logits.
        wh: output with the initial contours' offsets, (N, 2 * points, h, w), x before y.
        feature: output with the features that the contours sample, (N, F, h, w).
        stride: network-input pixels for one feature pixel.
        init_stride: factor on `wh`, feature pixels.
        coarse_stride: factor on the coarse step's offsets, feature pixels.
        evolve_stride: factor on an evolution's offsets, network-input pixels.
        evolutions: number of evolutions.
        points: vertices of a contour.
        k: most instances of an image.
        threshold: least score.
        kernel: side of the window in which a peak is the maximum.
        nms_iou: contours whose boxes overlap a better one's more than this are dropped (Fast-NMS,
            nms.py of the authors'); null keeps all.
        jagged_filter: undo the last evolution of a contour that it made jagged (post_process.py of
            the authors').
        backend: "cpp" or "numpy".
    """

    heatmap: str = "ct_hm"
    wh: str = "wh"
    feature: str = "feature"
    stride: float = 4.0
    init_stride: float = 10.0
    coarse_stride: float = 4.0
    evolve_stride: float = 1.0
    evolutions: int = 3
    points: int = 128
    k: int = 100
    threshold: float = 0.05
    kernel: int = 3
    nms_iou: float | None = None
    jagged_filter: bool = False
    backend: Literal["cpp", "numpy"] = "cpp"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.at_least(0, "evolutions")
        self.at_least(3, "points")
        self.at_least(1, "k", "kernel")
        self.above_zero("stride")
        self.fractions("threshold", "nms_iou")
        self.odd("kernel")

    def __call__(
        self,
        heads: Mapping[str, Array],
        refine: Refine | None = None,
        trace: dict[str, Array] | None = None,
    ) -> list[Instances]:
        """Decode a batch: see `Decoder`.

        Without `refine` the initial contours are the result. Trace names: detection (n, 4: x, y,
        score, class; feature pixels) and, in network-input pixels, poly_init, poly_coarse, py.0 and
        on, then dml.py, nms.py and nms.detection where the filter and the NMS are on.

        Raises:
            InputError: a head is missing or its shape does not fit, or a trace of several images.

        Warns:
            RuntimeWarning: the network gave NaN or infinities; contours that hold one are dropped.
        """
        heatmaps, wh, features = self._heads(heads)
        check_trace(trace, len(heatmaps))
        found = peaks_batch(
            heatmaps, self.k, self.threshold, kernel=self.kernel, backend=self.backend
        )
        coarse_features: Array | None = None
        if refine is not None and any(len(each.scores) for each in found):
            coarse_features = refine({"feature": features}, ["coarse_feature"])["coarse_feature"]
        decoded = []
        for i, centres in enumerate(found):
            stages: dict[str, Array] = {} if trace is None else trace
            stages["detection"] = np.stack(
                [centres.xs, centres.ys, centres.scores, centres.classes], axis=1
            ).astype(np.float32)
            contours = self._initial(stages, centres, wh[i])
            if refine is not None:
                coarse_feature = features[i] if coarse_features is None else coarse_features[i]
                contours = self._coarse(stages, contours, coarse_feature, refine)
                steps = evolved(
                    contours,
                    features[i],
                    refine,
                    evolutions=self.evolutions,
                    stride=self.stride,
                    scale=self.evolve_stride,
                    backend=self.backend,
                )
                for index, contours in enumerate(steps):
                    stages[f"py.{index}"] = contours * np.float32(self.stride)
            decoded.append(self._selected(stages, contours * np.float32(self.stride), centres))
        return decoded

    def _heads(self, heads: Mapping[str, Array]) -> tuple[Array, Array, Array]:
        arrays = []
        for name in (self.heatmap, self.wh, self.feature):
            if name not in heads:
                raise InputError(f"decoder E2EC needs head {name!r}, got {', '.join(heads)}")
            arrays.append(np.asarray(heads[name], np.float32))
        heatmap, wh, feature = arrays
        same = len({each.shape[:1] + each.shape[2:] for each in arrays}) == 1
        if heatmap.ndim != 4 or not same or wh.shape[1] != 2 * self.points:
            raise InputError(
                f"decoder E2EC expects {self.heatmap} (N,C,h,w), {self.wh} "
                f"(N,{2 * self.points},h,w) and {self.feature} (N,F,h,w), "
                f"got {', '.join(str(each.shape) for each in arrays)}"
            )
        return heatmap, wh, feature

    def _initial(self, stages: dict[str, Array], centres: Peaks, wh: Array) -> Array:
        """Initial contours (n, P, 2), feature pixels."""
        contours = contours_at(wh, centres.xs, centres.ys, self.init_stride, self.backend)
        stages["poly_init"] = contours * np.float32(self.stride)
        return contours

    def _coarse(
        self, stages: dict[str, Array], contours: Array, feature: Array, refine: Refine
    ) -> Array:
        """One step for all vertices at once, from samples at the centre and the vertices."""
        if len(contours):
            centres = stages["detection"][:, None, :2]  # not clipped, unlike the contours
            samples = self._samples(feature, np.concatenate([centres, contours], axis=1))
            offsets = refine({"coarse_samples": samples}, ["coarse_offset"])["coarse_offset"]
            contours = contours + offsets * np.float32(self.coarse_stride)
            height, width = feature.shape[1:]
            contours = clip_contours(contours, height, width, self.backend)
        stages["poly_coarse"] = contours * np.float32(self.stride)
        return contours

    def _samples(self, feature: Array, points: Array) -> Array:
        """(F, h, w) features at (n, m, 2) points -> (n, m, F)."""
        return sample(feature, points, backend=self.backend)

    def _selected(self, stages: dict[str, Array], contours: Array, centres: Peaks) -> Instances:
        """Filter, NMS, and the instances of one image."""
        if self.jagged_filter and self.evolutions and "py.0" in stages:
            before = "poly_coarse" if self.evolutions == 1 else f"py.{self.evolutions - 2}"
            contours = undo_jagged(stages[before], contours, backend=self.backend)
            stages["dml.py"] = contours
        kept = finite_rows(contours, "contours", stacklevel=4)
        if self.nms_iou is not None:
            best = fast_nms(
                contour_boxes(contours[kept], self.backend),
                centres.scores[kept],
                centres.classes[kept],
                self.nms_iou,
                backend=self.backend,
            )
            kept = kept[best]
            stages["nms.py"] = contours[kept]
            stages["nms.detection"] = stages["detection"][kept]
        contours = contours[kept]
        return Instances(
            scores=centres.scores[kept],
            classes=centres.classes[kept],
            boxes=contour_boxes(contours, self.backend),
            contours=contours,
        )
