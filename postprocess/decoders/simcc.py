"""SimCC's keypoints: each coordinate read off its own one-dimensional distribution.

Li et al., "SimCC: a Simple Coordinate Classification Perspective for Human Pose Estimation" (ECCV
2022), section 3, as mmpose decodes RTMPose (`get_simcc_maximum`): the first maximum of each axis
divided by the split ratio, and the smaller of the two maxima as the score. What differs elsewhere:

- mmpose gives a joint whose score is not above 0 the bin (-1, -1); here it keeps its place, and the
  score tells;
- github.com/Tau-J/rtmlib took the smaller maximum too, and takes the mean of both in 0.0.16.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..errors import InputError
from ..instances import Array, Instances
from ._arrays import as_float32, as_number
from ._backend import Backend, native
from ._finite import count_non_finite, warn_non_finite
from ._single import single_person
from .base import Parameters, Refine, check_trace


def simcc(
    x: ArrayLike, y: ArrayLike, split_ratio: float = 2.0, backend: Backend = "cpp"
) -> tuple[Array, Array]:
    """Decode SimCC's two heads.

    Args:
        x: (N,K,X) floating point, any strides, at least one bin.
        y: (N,K,Y), likewise.
        split_ratio: bins of a network-input pixel.
        backend: "cpp", or "numpy" for the reference.

    Returns:
        points (N,K,2) float32, x before y, network-input pixels; scores (N,K) float32. NaN is
        passed over; an axis of nothing else gives coordinate 0 and score 0.

    Raises:
        InputError: wrong dtype or shape, or a split ratio that is not above 0.
        ImportError: backend "cpp" and no compiled extension.

    Warns:
        RuntimeWarning: `x` or `y` holds NaN or infinities; says how many.
    """
    across = as_float32(x, "x", {3: "(N,K,X)"})
    down = as_float32(y, "y", {3: "(N,K,Y)"})
    if across.shape[:2] != down.shape[:2] or 0 in (across.shape[2], down.shape[2]):
        raise InputError(
            "x (N,K,X) and y (N,K,Y) expect one N and K and at least one bin, "
            f"got {across.shape} and {down.shape}"
        )
    ratio = np.float32(as_number(split_ratio, "split_ratio", above=0))
    library = native(backend, "simcc")
    if library is not None:
        points, scores, (nan, positive, negative) = library.simcc(across, down, float(ratio))
    else:
        counts = np.add(count_non_finite(across), count_non_finite(down))
        nan, positive, negative = (int(count) for count in counts)
        (place_x, top_x), (place_y, top_y) = _first_maximum(across), _first_maximum(down)
        points = np.stack([place_x, place_y], axis=-1) / ratio
        scores = np.minimum(top_x, top_y)
    warn_non_finite("x and y", nan, positive, negative)
    return points, scores


def _first_maximum(bins: Array) -> tuple[Array, Array]:
    """Place (as float32) and value of the first maximum on the last axis, NaN passed over."""
    top: Array = np.fmax.reduce(bins, axis=-1)
    place: Array = np.argmax(bins == top[..., None], axis=-1).astype(np.float32)
    return place, np.where(np.isnan(top), np.float32(0), top)


@dataclass(frozen=True)
class SimCC(Parameters):
    """Decoder of SimCC's heads (RTMPose): one person an image; network-input pixels.

    An instance's score is the mean of its joints' scores and its box goes around all its joints.

    Attributes:
        x: output with a distribution over columns for each joint, (N, K, X).
        y: output with a distribution over rows for each joint, (N, K, Y).
        split_ratio: bins of a network-input pixel.
        threshold: least score of an instance.
        backend: "cpp" or "numpy".
    """

    x: str = "simcc_x"
    y: str = "simcc_y"
    split_ratio: float = 2.0
    threshold: float = 0.0
    backend: Backend = "cpp"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.above_zero("split_ratio")

    def __call__(
        self,
        heads: Mapping[str, Array],
        refine: Refine | None = None,
        trace: dict[str, Array] | None = None,
    ) -> list[Instances]:
        """Decode a batch: see `Decoder`. Trace name: keypoints (1, K, 3: x, y, score).

        Raises:
            InputError: a head is missing or its shape does not fit, or a trace of several images.

        Warns:
            RuntimeWarning: the network gave NaN or infinities; says how many.
        """
        for name in (self.x, self.y):
            if name not in heads:
                raise InputError(f"decoder SimCC needs head {name!r}, got {', '.join(heads)}")
        points, scores = simcc(heads[self.x], heads[self.y], self.split_ratio, self.backend)
        check_trace(trace, len(points))
        if points.shape[1] == 0:
            raise InputError(f"decoder SimCC expects at least one joint, got {points.shape}")
        joints = np.concatenate([points, scores[..., None]], axis=2)
        if trace is not None:
            trace["keypoints"] = joints
        return [single_person(each, self.threshold) for each in joints]
