"""Keypoints of networks that see one person an image: one heatmap a joint, one instance a picture.

HRNet, Lite-HRNet, PP-TinyPose, SimpleBaseline and their like. Where a maximum is, and how it is
refined, is in keypoints.py; this file maps it to the network's input and scores the person.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..instances import Array, Instances
from ._finite import finite_rows
from ._heads import Layout, head
from .base import Parameters, Refine, check_trace
from .flip import merge_flipped
from .keypoints import Method, keypoints


@dataclass(frozen=True)
class Keypoints(Parameters):
    """Decoder of keypoint heatmaps: one person an image, network-input pixels.

    Attributes:
        heatmap: output with a map for each joint, (N, K, h, w).
        stride: network-input pixels of a heatmap pixel.
        method: how a maximum becomes a point.
        kernel: side of the blur of the dark methods, heatmap pixels.
        udp: whether coordinates are as UDP has them: the middles of the first and the last pixel
            of a heatmap and of the input coincide, so that a heatmap pixel is
            (stride * w - 1) / (w - 1) pixels. null: where the method is dark_udp.
        activation: what is still to be applied to the heatmap.
        score: of a person: the mean of all joints' scores, as PaddleDetection has it, or of those
            of at least `joint_threshold`, as HRNet has it.
        joint_threshold: least score of a joint that counts where `score` is "visible".
        threshold: least score of a person.
        layout: of the heatmap, nchw or nhwc.
        backend: "cpp" or "numpy".
    """

    heatmap: str = "heatmap"
    stride: float = 4.0
    method: Method = "dark"
    kernel: int = 3
    udp: bool | None = None
    activation: Literal["none", "sigmoid"] = "none"
    score: Literal["mean", "visible"] = "mean"
    joint_threshold: float = 0.2
    threshold: float = 0.0
    layout: Layout = "nchw"
    backend: Literal["cpp", "numpy"] = "cpp"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.above_zero("stride")
        self.odd("kernel")

    @property
    def unbiased(self) -> bool:
        """Whether coordinates are as UDP has them."""
        return self.method == "dark_udp" if self.udp is None else self.udp

    def __call__(
        self,
        heads: Mapping[str, Array],
        refine: Refine | None = None,
        trace: dict[str, Array] | None = None,
    ) -> list[Instances]:
        """Decode a batch: see `Decoder`. Trace name: keypoints (1, K, 3: x, y, score).

        Raises:
            InputError: the head is missing or its shape does not fit, or a trace of several images.

        Warns:
            RuntimeWarning: the heatmap holds NaN or infinities.
        """
        maps = self._maps(heads)
        check_trace(trace, len(maps))
        if self.activation == "sigmoid":
            with np.errstate(over="ignore"):
                maps = (1 / (1 + np.exp(-maps.astype(np.float64)))).astype(np.float32)
        points, scores = keypoints(maps, self.method, self.kernel, backend=self.backend)
        joints = np.concatenate([points * self._pixels(maps.shape[2:]), scores[..., None]], axis=2)
        if trace is not None:
            trace["keypoints"] = joints
        return [self._person(each) for each in joints]

    def merge_flipped(
        self, heads: Mapping[str, Array], mirrored: Mapping[str, Array], order: NDArray[np.int64]
    ) -> dict[str, Array]:
        """Heads of a flip test: see `decoders.flip`; order is each keypoint's mirror image's."""
        axes = (0, 2, 3, 1) if self.layout == "nhwc" else (0, 1, 2, 3)
        merged = merge_flipped(
            self._maps(heads),
            self._maps(mirrored),
            order,
            shift=not self.unbiased,
            backend=self.backend,
        )
        return {**heads, self.heatmap: np.ascontiguousarray(merged.transpose(axes))}

    def _maps(self, heads: Mapping[str, Array]) -> Array:
        """The heatmap as (N, K, h, w)."""
        return head(heads, self.heatmap, type(self).__name__, self.layout)

    def _pixels(self, size: tuple[int, ...]) -> Array:
        """Network-input pixels of a heatmap pixel, x and y."""
        sides = np.array([size[1], size[0]], np.float64)
        if self.unbiased:
            return ((self.stride * sides - 1) / np.maximum(sides - 1, 1)).astype(np.float32)
        return np.full(2, self.stride, np.float32)

    def _person(self, joints: Array) -> Instances:
        """The instance of one image; its box goes around all joints."""
        scores = joints[:, 2]
        counted = scores[scores >= np.float32(self.joint_threshold)]
        counted = counted if self.score == "visible" else scores
        score = np.float32(counted.mean() if len(counted) else 0.0)
        people = joints[None][finite_rows(joints[None], "persons")]
        if score < np.float32(self.threshold):
            people = people[:0]
        points = people[..., :2]
        return Instances(
            scores=np.full(len(people), score, np.float32),
            classes=np.zeros(len(people), np.int64),
            boxes=np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1),
            keypoints=people,
        )
