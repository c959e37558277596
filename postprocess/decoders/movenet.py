"""MoveNet's keypoints: one person, found by its centre, joints looked for around their regression.

Google's MoveNet (SinglePose Lightning and Thunder) is a CenterNet for the person nearest to the
middle of the picture. The formula is that of its published graphs, whose decode is part of the
graph (TensorFlow.js build of 2021, read from the ONNX conversion):

    c = argmax of sigmoid(center) / (distance to the map's middle + 1.8)
    r = c + regression at c                                for each joint
    p = argmax of sigmoid(heatmap) / (distance to r + 1.8)
    point = p + offset of the joint at p, score = sigmoid(heatmap) at p

`regression` and `offset` hold y before x for each joint, as the graphs do. The graph then
multiplies by 1 / side to get relative coordinates. That factor, 1.8 and the table of
1 / (distance + 1.8) are float16 in the TensorFlow.js build: 1 / 48 is 0.0208282 there and not
0.0208333, which moves a point at the far border by 0.05 input pixels. `constants="float16"`
repeats it.

The first maximum in row-major order counts. NaN is passed over; where nothing else is left the
pixel is (0, 0), and such a joint's score is 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from ..instances import Array, Instances
from ._arrays import as_choice, as_float32
from ._backend import Backend, native
from ._finite import count_non_finite, warn_non_finite
from ._heads import Layout, check_maps, head
from ._single import single_person
from .base import Parameters, Refine, check_trace

Activation = Literal["sigmoid", "none"]
Constants = Literal["float32", "float16"]

_NEARNESS = 1.8  # pixels added to a distance before it divides: a joint may lie at no distance


def movenet(
    center: ArrayLike,
    heatmap: ArrayLike,
    regression: ArrayLike,
    offset: ArrayLike,
    *,
    activation: Activation = "sigmoid",
    constants: Constants = "float32",
    backend: Backend = "cpp",
) -> tuple[Array, Array]:
    """Decode MoveNet's four heads into the keypoints of one person an image.

    Args:
        center: (N,1,H,W) floating point, any strides, at least one pixel.
        heatmap: (N,K,H,W), one map a joint.
        regression: (N,2K,H,W) from the centre to each joint, y before x, heatmap pixels.
        offset: (N,2K,H,W) from a joint's pixel to the joint, y before x, heatmap pixels.
        activation: what is still to be applied to `center` and `heatmap`.
        constants: precision of 1.8 and of the centre's weights in the graph to be equalled.
        backend: "cpp", or "numpy" for the reference.

    Returns:
        points (N,K,2) float32, x before y, heatmap pixels; scores (N,K) float32.

    Raises:
        InputError: wrong dtype, shape or parameter.
        ImportError: backend "cpp" and no compiled extension.

    Warns:
        RuntimeWarning: `center` or `heatmap` holds NaN or infinities; says how many.
    """
    maps = {
        "center": as_float32(center, "center", {4: "(N,1,H,W)"}),
        "heatmap": as_float32(heatmap, "heatmap", {4: "(N,K,H,W)"}),
        "regression": as_float32(regression, "regression", {4: "(N,2K,H,W)"}),
        "offset": as_float32(offset, "offset", {4: "(N,2K,H,W)"}),
    }
    joints = maps["heatmap"].shape[1]
    check_maps(maps, {"center": 1, "regression": 2 * joints, "offset": 2 * joints})
    if 0 in maps["heatmap"].shape[1:]:
        raise InputError(
            f"heatmap expects at least one joint and one pixel, got {maps['heatmap'].shape}"
        )
    sigmoid = as_choice(activation, get_args(Activation), "activation") == "sigmoid"
    half = as_choice(constants, get_args(Constants), "constants") == "float16"
    library = native(backend, "movenet")
    if library is not None:
        points, scores, non_finite = library.movenet(*maps.values(), sigmoid, half)
        counts = np.asarray(non_finite)
    else:
        counts = np.add(count_non_finite(maps["center"]), count_non_finite(maps["heatmap"]))
        likely = {name: _probability(maps[name], sigmoid) for name in ("center", "heatmap")}
        points, scores = _movenet({**maps, **likely}, half)
    warn_non_finite("center and heatmap", *(int(count) for count in counts))
    return points, scores


def _probability(values: Array, sigmoid: bool) -> Array:
    """Sigmoid in double precision, rounded to float32."""
    if not sigmoid:
        return values
    with np.errstate(over="ignore"):
        return (1.0 / (1.0 + np.exp(-values.astype(np.float64)))).astype(np.float32)


def _movenet(maps: Mapping[str, Array], half: bool) -> tuple[Array, Array]:
    center, heatmap = maps["center"], maps["heatmap"]
    batch, joints, height, width = heatmap.shape
    image = np.arange(batch)
    with np.errstate(invalid="ignore", over="ignore"):
        found_x, found_y, _ = _first_maximum(center[:, 0] * _center_weights(height, width, half))
        regressed = maps["regression"][image, :, found_y, found_x].reshape(batch, joints, 2)
        to_y = found_y[:, None].astype(np.float32) + regressed[..., 0]
        to_x = found_x[:, None].astype(np.float32) + regressed[..., 1]
        dy = np.arange(height, dtype=np.float32)[:, None] - to_y[..., None, None]
        dx = np.arange(width, dtype=np.float32) - to_x[..., None, None]
        distance = np.sqrt(dy * dy + dx * dx) + _constant(_NEARNESS, half)
        x, y, found = _first_maximum(heatmap / distance)
        row, joint = np.ogrid[:batch, :joints]
        offsets = maps["offset"].reshape(batch, joints, 2, height, width)[row, joint, :, y, x]
        pixels = np.stack([x, y], axis=-1).astype(np.float32)
        scores = np.where(found, heatmap[row, joint, y, x], np.float32(0))
        return pixels + offsets[..., ::-1], scores


def _first_maximum(values: Array) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """x and y of the first maximum of (...,H,W), and whether there is one besides NaN."""
    flat = values.reshape(*values.shape[:-2], values.shape[-2] * values.shape[-1])
    top = np.fmax.reduce(flat, axis=-1)
    y, x = np.divmod(np.argmax(flat == top[..., None], axis=-1), values.shape[-1])
    return x, y, ~np.isnan(top)


def _center_weights(height: int, width: int, half: bool) -> Array:
    """(H,W) float32 1 / (distance to the middle + 1.8)."""
    dy = np.arange(height)[:, None] - height / 2
    dx = np.arange(width) - width / 2
    return _rounded(1.0 / (np.sqrt(dy * dy + dx * dx) + _NEARNESS), half)


def _rounded(values: ArrayLike, half: bool) -> Array:
    return np.asarray(values, np.float16 if half else np.float32).astype(np.float32)


def _constant(value: float, half: bool) -> np.float32:
    return np.float32(_rounded(value, half))


@dataclass(frozen=True)
class MoveNet(Parameters):
    """Decoder of MoveNet's heads: one person an image; network-input pixels.

    An instance's score is the mean of its joints' scores and its box goes around all its joints.

    Attributes:
        center: output with the person's centre, 1 channel.
        heatmap: output with a map for each of K joints.
        regression: output with the way from the centre to each joint, 2K channels, y before x.
        offset: output with the joints' offsets, 2K channels, y before x.
        stride: network-input pixels of a heatmap pixel.
        activation: what is still to be applied to `center` and `heatmap`.
        constants: precision of the constants of the graph to be equalled; float16 is that of the
            TensorFlow.js build.
        threshold: least score of an instance.
        layout: of all these outputs, nchw or nhwc.
        backend: "cpp" or "numpy".
    """

    center: str = "center"
    heatmap: str = "heatmap"
    regression: str = "regression"
    offset: str = "offset"
    stride: float = 4.0
    activation: Activation = "sigmoid"
    constants: Constants = "float32"
    threshold: float = 0.0
    layout: Layout = "nchw"
    backend: Backend = "cpp"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.above_zero("stride")
        self.fractions("threshold")

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
            RuntimeWarning: the network gave NaN or infinities; a person that holds one is dropped.
        """
        names = (self.center, self.heatmap, self.regression, self.offset)
        maps = [head(heads, name, "MoveNet", self.layout) for name in names]
        check_trace(trace, len(maps[0]))
        points, scores = movenet(
            *maps, activation=self.activation, constants=self.constants, backend=self.backend
        )
        joints = np.concatenate([points * self._strides(maps[1]), scores[..., None]], axis=2)
        if trace is not None:
            trace["keypoints"] = joints
        return [single_person(each, self.threshold) for each in joints]

    def _strides(self, heatmap: Array) -> Array:
        """Network-input pixels of a heatmap pixel, x and y, by way of the graph's 1 / side."""
        height, width = heatmap.shape[2:]
        sides = np.asarray([width, height], np.float64)
        inverse: NDArray[np.float64] = 1 / sides
        if self.constants == "float16":
            inverse = inverse.astype(np.float16).astype(np.float64)
        strides: Array = (inverse * sides * self.stride).astype(np.float32)
        return strides
