"""From boxes to contours, the part that Deep Snake's two detectors share.

Peng et al., "Deep Snake for Real-Time Instance Segmentation" (CVPR 2020), section 3.2; arithmetic
as in github.com/zju3dv/snake (lib/utils/snake and lib/networks/snake):

    box, cut to the map -> diamond of `init_points`
    -> four extreme points = diamond + offset, clipped -> octagon of `points`
    -> evolutions: contour = contour + offset / stride

The learned steps are the branches init, evolve0, evolve1, ... of `refine`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..errors import InputError
from ..instances import Array, Instances
from ._evolution import evolved
from ._finite import finite_rows
from .base import Parameters, Refine, check_trace
from .contours import canonical_contours, clip_contours, contour_boxes
from .extreme import diamonds, octagons
from .peaks import Peaks, peaks_batch
from .resample import resample
from .sample import sample

EXTREME_POINTS = 4


@dataclass(frozen=True)
class BoxContours(Parameters):
    """Parameters of the steps after the boxes, and the steps.

    Attributes:
        feature: output with the features that the contours sample, (N, F, h, w).
        stride: network-input pixels for one feature pixel.
        evolutions: number of evolutions.
        init_points: vertices of the diamond, a multiple of 4.
        points: vertices of a contour.
        align_corners: grid_sample's flag; the published weights were trained with true (torch 1.1).
        k: most instances of an image.
        threshold: least score.
        kernel: side of the window in which a peak is the maximum.
        backend: "cpp" or "numpy".
    """

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
        self.at_least(0, "evolutions")
        self.at_least(12, "points")
        self.at_least(1, "k", "kernel")
        self.above_zero("stride")
        self.odd("kernel")
        if self.init_points < EXTREME_POINTS or self.init_points % EXTREME_POINTS:
            raise self.wrong("init_points", f"a multiple of {EXTREME_POINTS}")

    def heads(self, heads: Mapping[str, Array], heatmap: str, size: str) -> tuple[Array, ...]:
        """The heads named `heatmap` and `size`, and the feature, as float32.

        Raises:
            InputError: one is missing, or their shapes do not fit together.
        """
        arrays = []
        for name in (heatmap, size, self.feature):
            if name not in heads:
                raise InputError(
                    f"decoder {type(self).__name__} needs head {name!r}, got {', '.join(heads)}"
                )
            arrays.append(np.asarray(heads[name], np.float32))
        same = len({each.shape[:1] + each.shape[2:] for each in arrays}) == 1
        if arrays[0].ndim != 4 or not same or arrays[1].shape[1] != 2:
            raise InputError(
                f"decoder {type(self).__name__} expects {heatmap} (N,C,h,w), {size} (N,2,h,w) and "
                f"{self.feature} (N,F,h,w), got {', '.join(str(a.shape) for a in arrays)}"
            )
        return tuple(arrays)

    def each(
        self,
        heads: Mapping[str, Array],
        heatmap: str,
        size: str,
        trace: dict[str, Array] | None,
    ) -> Iterator[tuple[dict[str, Array], Peaks, Array, Array]]:
        """For every image: its stages (`trace` where given), centres, sizes (2,h,w), feature.

        Raises:
            InputError: see `heads`; a trace of several images.
        """
        heatmaps, sizes, features = self.heads(heads, heatmap, size)
        check_trace(trace, len(heatmaps))
        found = peaks_batch(
            heatmaps, self.k, self.threshold, kernel=self.kernel, backend=self.backend
        )
        for centres, each_size, feature in zip(found, sizes, features, strict=True):
            yield {} if trace is None else trace, centres, each_size, feature

    def contours(
        self, stages: dict[str, Array], boxes: Array, feature: Array, refine: Refine | None
    ) -> Array:
        """Contours (n,points,2) of boxes (n,4) on a feature (F,h,w), all in feature pixels.

        Without `refine` the octagons in the boxes' diamonds are the result. `stages` receives it_ex
        (n,init_points,2), ex (n,4,2), it_py (n,points,2), and py.0 and on.
        """
        vertices = resample(diamonds(boxes, self.backend), self.init_points, backend=self.backend)
        stages["it_ex"] = vertices
        if refine is not None and len(vertices):
            ends = vertices.min(axis=1, keepdims=True), vertices.max(axis=1, keepdims=True)
            places = np.concatenate([(ends[0] + ends[1]) / np.float32(2), vertices], axis=1)
            feeds = {
                "init_samples": sample(feature, places, self.align_corners, backend=self.backend),
                "init_contour": canonical_contours(vertices, self.backend),
            }
            vertices = vertices + refine(feeds, ["init_offset"])["init_offset"]
        extreme = vertices[:, :: self.init_points // EXTREME_POINTS]
        height, width = feature.shape[1:]
        stages["ex"] = clip_contours(extreme, height, width, self.backend)
        corners = octagons(stages["ex"], self.backend)
        current = resample(corners, self.points, backend=self.backend)
        stages["it_py"] = current
        if refine is not None:
            steps = evolved(
                current,
                feature,
                refine,
                evolutions=self.evolutions,
                stride=self.stride,
                align_corners=self.align_corners,
                backend=self.backend,
            )
            for i, current in enumerate(steps):
                stages[f"py.{i}"] = current
        return current

    def instances(self, contours: Array, detection: Array) -> Instances:
        """Contours (n,points,2) in feature pixels, of rows (n,6) of `detection`, as a result.

        Warns:
            RuntimeWarning: contours that hold NaN or infinities are dropped.
        """
        contours = contours * np.float32(self.stride)
        kept = finite_rows(contours, "contours", stacklevel=4)
        return Instances(
            scores=detection[kept, 4],
            classes=detection[kept, 5].astype(np.int64),
            boxes=contour_boxes(contours[kept], self.backend),
            contours=contours[kept],
        )


def detected(found: Peaks, size: Array) -> Array:
    """Boxes around peaks: rows (n,6) of x1, y1, x2, y2, score, class, feature pixels.

    Args:
        found: peaks of the centre heatmap.
        size: (2,h,w) width and height of the box at each pixel. Boxes are cut at 0 above and to the
            left, at size - 1 of the map below and to the right.
    """
    height, width = size.shape[1:]
    centres = np.stack([found.xs, found.ys], axis=1).astype(np.float32)
    half = size[:, found.ys, found.xs].T / np.float32(2)
    low = np.maximum(centres - half, np.float32(0))
    high = np.minimum(centres + half, np.asarray([width - 1, height - 1], np.float32))
    score_and_class = np.stack([found.scores, found.classes.astype(np.float32)], axis=1)
    rows: Array = np.concatenate([low, high, score_and_class], axis=1)
    return rows
