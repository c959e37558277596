"""Deep Snake: from a heatmap of centres to contours (Peng et al., CVPR 2020, section 3.2).

The arithmetic is that of github.com/zju3dv/snake (lib/utils/snake and lib/networks/snake); its
learned parts run in `refine` and this file is what lies between them:

    peaks of the heatmap -> box = centre -+ wh / 2, cut to the map
    -> diamond of `init_points` -> four extreme points = diamond + offset, clipped
    -> octagon of `points` -> evolutions: contour = contour + offset / stride

Features are sampled here, bilinearly, so that no graph holds a GridSample.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..errors import InputError
from ..instances import Array, Instances
from ._finite_contours import finite_contours
from .base import Parameters, Refine
from .contours import canonical_contours, clip_contours, contour_boxes
from .extreme import diamonds, octagons
from .peaks import Peaks, peaks_batch
from .resample import resample
from .sample import sample

EXTREME_POINTS = 4


@dataclass(frozen=True)
class Snake(Parameters):
    """Decoder of Deep Snake's heads.

    Attributes:
        heatmap: output with the centre heatmap, (N, C, h, w) logits.
        wh: output with the box sizes, (N, 2, h, w), feature pixels.
        feature: output with the features that the contours sample, (N, F, h, w).
        stride: network-input pixels for one feature pixel.
        evolutions: number of evolutions.
        init_points: vertices of the diamond, a multiple of 4.
        points: vertices of a contour.
        align_corners: grid_sample's flag; the published weights were trained with true (torch 1.1).
        k: most instances of an image.
        threshold: least score.
        kernel: side of the window in which a peak is the maximum.
        backend: "cpp" or "numpy", for peaks, sampling and resampling.
    """

    heatmap: str = "ct_hm"
    wh: str = "wh"
    feature: str = "feature"
    stride: float = 4.0
    evolutions: int = 3
    init_points: int = 40
    points: int = 128
    align_corners: bool = False
    k: int = 100
    threshold: float = 0.05
    kernel: int = 3
    backend: Literal["cpp", "numpy"] = "cpp"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, least in (("evolutions", 0), ("points", 12), ("k", 1), ("kernel", 1)):
            if getattr(self, name) < least:
                raise self.wrong(name, f"at least {least}")
        if not self.stride > 0:
            raise self.wrong("stride", "a number above 0")
        if self.kernel % 2 == 0:
            raise self.wrong("kernel", "an odd number")
        if self.init_points < EXTREME_POINTS or self.init_points % EXTREME_POINTS:
            raise self.wrong("init_points", f"a multiple of {EXTREME_POINTS}")

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
        heatmaps, wh, features = self._heads(heads)
        if trace is not None and len(heatmaps) != 1:
            raise InputError(f"a trace is of one image, got a batch of {len(heatmaps)}")
        found = peaks_batch(
            heatmaps, self.k, self.threshold, kernel=self.kernel, backend=self.backend
        )
        decoded = []
        for i, centres in enumerate(found):
            stages: dict[str, Array] = {} if trace is None else trace
            self._boxes(stages, centres, wh[i])
            contours = self._octagons(stages, features[i], refine)
            if refine is not None:
                contours = self._evolved(stages, contours, features[i], refine)
            contours = contours * np.float32(self.stride)
            kept = finite_contours(contours)
            decoded.append(
                Instances(
                    scores=centres.scores[kept],
                    classes=centres.classes[kept],
                    boxes=contour_boxes(contours[kept]),
                    contours=contours[kept],
                )
            )
        return decoded

    def _heads(self, heads: Mapping[str, Array]) -> tuple[Array, Array, Array]:
        arrays = []
        for name in (self.heatmap, self.wh, self.feature):
            if name not in heads:
                raise InputError(f"decoder Snake needs head {name!r}, got {', '.join(heads)}")
            arrays.append(np.asarray(heads[name], np.float32))
        heatmap, wh, feature = arrays
        same = len({each.shape[:1] + each.shape[2:] for each in arrays}) == 1
        if heatmap.ndim != 4 or not same or wh.shape[1] != 2:
            raise InputError(
                f"decoder Snake expects {self.heatmap} (N,C,h,w), {self.wh} (N,2,h,w) and "
                f"{self.feature} (N,F,h,w), got {', '.join(str(a.shape) for a in arrays)}"
            )
        return heatmap, wh, feature

    def _boxes(self, stages: dict[str, Array], found: Peaks, wh: Array) -> None:
        """Boxes around the peaks, cut at 0 above and left, at size - 1 below and right."""
        height, width = wh.shape[1:]
        centres = np.stack([found.xs, found.ys], axis=1).astype(np.float32)
        half = wh[:, found.ys, found.xs].T / np.float32(2)
        low = np.maximum(centres - half, np.float32(0))
        high = np.minimum(centres + half, np.asarray([width - 1, height - 1], np.float32))
        score_and_class = np.stack([found.scores, found.classes.astype(np.float32)], axis=1)
        stages["ct"] = centres
        stages["detection"] = np.concatenate([low, high, score_and_class], axis=1)

    def _octagons(self, stages: dict[str, Array], feature: Array, refine: Refine | None) -> Array:
        """Octagons (n, points, 2) through the diamonds' vertices, deformed where there is a net."""
        vertices = diamonds(stages["detection"][:, :4])
        contours = resample(vertices, self.init_points, backend=self.backend)
        stages["it_ex"] = contours
        if refine is not None and len(contours):
            middle = (contours.min(axis=1, keepdims=True) + contours.max(axis=1, keepdims=True)) / (
                np.float32(2)
            )
            feeds = {
                "init_samples": self._samples(feature, np.concatenate([middle, contours], axis=1)),
                "init_contour": canonical_contours(contours),
            }
            contours = contours + refine(feeds, ["init_offset"])["init_offset"]
        extreme = contours[:, :: self.init_points // EXTREME_POINTS]
        stages["ex"] = clip_contours(extreme, *feature.shape[1:])
        stages["it_py"] = resample(octagons(stages["ex"]), self.points, backend=self.backend)
        return stages["it_py"]

    def _evolved(
        self, stages: dict[str, Array], contours: Array, feature: Array, refine: Refine
    ) -> Array:
        """Evolutions by circular convolution over the samples and the contour's own shape."""
        stride = np.float32(self.stride)
        for i in range(self.evolutions):
            if len(contours):
                feeds = {
                    f"evolve{i}_samples": self._samples(feature, contours),
                    f"evolve{i}_contour": canonical_contours(contours) * stride,
                }
                offsets = refine(feeds, [f"evolve{i}_offset"])[f"evolve{i}_offset"]
                contours = (contours * stride + offsets) / stride
            stages[f"py.{i}"] = contours
        return contours

    def _samples(self, feature: Array, points: Array) -> Array:
        """(F, h, w) features at (n, m, 2) points -> (n, m, F)."""
        return sample(feature, points, self.align_corners, backend=self.backend)
