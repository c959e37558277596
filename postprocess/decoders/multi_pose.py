"""CenterNet's people: a box and regressed joints at each centre, snapped to peaks of joint maps.

Zhou et al., "Objects as Points" (2019), section 5, as `multi_pose_decode` of github.com/
xingyizhou/CenterNet (src/lib/models/decode.py) orders it:

    box    = that of ctdet, with width and height
    joint  = centre's peak + keypoints at it, without the centre's offset
    peaks  = the k best of each joint's own map that reach `joint_threshold`, + joint offset or 0.5
    a joint goes to the nearest of them where that lies in the box, no farther than 0.3 of the
    box's longer side

Settled here: the nearest peak of several at one distance is the better one (the order of `peaks`);
a joint that stays at its regression has score 0, one that snapped its peak's, and without joint
maps every joint has the person's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from ..instances import Array, Instances
from ._arrays import as_choice, as_count, as_float32, as_kernel, as_number, as_threshold
from ._backend import Backend, native
from ._finite import finite_rows, warn_non_finite
from ._heads import Layout, check_maps, head
from .base import Parameters, Refine, check_trace
from .ctdet import Activation, boxes_at, resolved_shift
from .peaks import Peaks, peaks_batch


class People(NamedTuple):
    """People of one image, score descending.

    Attributes:
        scores: (n,) float32 probabilities.
        classes: (n,) int64 heatmap channels.
        boxes: (n,4) float32 x1, y1, x2, y2, heatmap pixels.
        keypoints: (n,J,3) float32 x, y in heatmap pixels, score.
    """

    scores: Array
    classes: NDArray[np.int64]
    boxes: Array
    keypoints: Array


def multi_pose(
    heatmap: ArrayLike,
    size: ArrayLike,
    keypoints: ArrayLike,
    offset: ArrayLike | None = None,
    joint_heatmap: ArrayLike | None = None,
    joint_offset: ArrayLike | None = None,
    *,
    activation: Activation = "sigmoid",
    center_shift: float | None = None,
    kernel: int = 3,
    k: int = 100,
    threshold: float = 0.05,
    joint_threshold: float = 0.1,
    reach: float = 0.3,
    backend: Backend = "cpp",
) -> list[People]:
    """Decode CenterNet's heads for human poses.

    Args:
        heatmap: (N,C,H,W) floating point, any strides.
        size: (N,2,H,W) width and height, heatmap pixels.
        keypoints: (N,2J,H,W) from a centre's pixel to each joint, x before y, heatmap pixels.
        offset: (N,2,H,W) added to a centre, heatmap pixels; None for a network without it.
        joint_heatmap: (N,J,H,W), one map a joint; None leaves the joints where they are.
        joint_offset: (N,2,H,W) added to a joint's peak; None adds 0.5.
        activation: what is still to be applied to both heatmaps.
        center_shift: added to both coordinates of a box's centre, heatmap pixels; None is
            CenterNet's rule, 0.5 without an `offset` and 0 with one.
        kernel: odd side of the max window, heatmap pixels.
        k: most people of an image, and most peaks of a joint's map.
        threshold: least probability of a person.
        joint_threshold: least probability of a joint's peak.
        reach: how far a joint may snap, as a fraction of the box's longer side.
        backend: "cpp", or "numpy" for the reference.

    Returns:
        People (scores, classes, boxes, keypoints) of each image, heatmap pixels; score descending,
        ties by class, y, x.

    Raises:
        InputError: wrong dtype, shape or parameter.
        ImportError: backend "cpp" and no compiled extension.

    Warns:
        RuntimeWarning: a heatmap holds NaN or infinities; says how many.
    """
    maps = {
        "heatmap": as_float32(heatmap, "heatmap", {4: "(N,C,H,W)"}),
        "size": as_float32(size, "size", {4: "(N,2,H,W)"}),
        "keypoints": as_float32(keypoints, "keypoints", {4: "(N,2J,H,W)"}),
    }
    if offset is not None:
        maps["offset"] = as_float32(offset, "offset", {4: "(N,2,H,W)"})
    if joint_heatmap is not None:
        maps["joint_heatmap"] = as_float32(joint_heatmap, "joint_heatmap", {4: "(N,J,H,W)"})
    if joint_offset is not None:
        if joint_heatmap is None:
            raise InputError("joint_offset expects a joint_heatmap beside it, got None")
        maps["joint_offset"] = as_float32(joint_offset, "joint_offset", {4: "(N,2,H,W)"})
    joints = maps["keypoints"].shape[1] // 2
    channels = {"size": 2, "keypoints": 2 * joints, "offset": 2}
    channels |= {"joint_heatmap": joints, "joint_offset": 2}
    check_maps(maps, {name: count for name, count in channels.items() if name in maps})
    logits = as_choice(activation, get_args(Activation), "activation") == "sigmoid"
    shift = resolved_shift(center_shift, offset is None)
    k, kernel = as_count(k, "k", 0), as_kernel(kernel)
    least = float(as_threshold(threshold, "threshold"))
    least_joint = float(as_threshold(joint_threshold, "joint_threshold"))
    farthest = as_number(reach, "reach")
    library = native(backend, "multi_pose")
    optional = [maps.get(name) for name in ("offset", "joint_heatmap", "joint_offset")]
    if library is not None:
        images, (nan, positive, negative) = library.multi_pose(
            maps["heatmap"], maps["size"], maps["keypoints"], *optional, logits, shift, kernel, k,
            least, least_joint, farthest,
        )  # fmt: skip
        warn_non_finite("heatmap", nan, positive, negative)
        return [People(*rows) for rows in images]
    people = []
    joint_peaks = _joint_peaks(maps, k, least_joint, logits, kernel)
    for i, peak in enumerate(peaks_batch(maps["heatmap"], k, least, logits, kernel, backend)):
        move = None if offset is None else maps["offset"][i]
        boxes = boxes_at(peak, maps["size"][i], move, 1.0, shift)
        poses = _regressed(peak, maps["keypoints"][i])
        if joint_peaks is not None:
            joint_move = None if joint_offset is None else maps["joint_offset"][i]
            for joint, found in enumerate(joint_peaks[i]):
                _snap(poses[:, joint], boxes, found, joint_move, np.float32(farthest))
        people.append(People(peak.scores, peak.classes, boxes, poses))
    return people


def _joint_peaks(
    maps: Mapping[str, Array], k: int, threshold: float, logits: bool, kernel: int
) -> list[list[Peaks]] | None:
    """Peaks of each image's joint maps; None without such maps."""
    if "joint_heatmap" not in maps:
        return None
    heatmap = maps["joint_heatmap"]
    batch, joints, height, width = heatmap.shape
    each = heatmap.reshape(batch * joints, 1, height, width)
    found = peaks_batch(each, k, threshold, logits, kernel, backend="numpy")
    return [found[i * joints : (i + 1) * joints] for i in range(batch)]


def _regressed(peak: Peaks, keypoints: Array) -> Array:
    """(n,J,3) joints where the centre's pixel puts them, with the person's score."""
    moves = keypoints[:, peak.ys, peak.xs].T.reshape(len(peak.xs), len(keypoints) // 2, 2)
    pixels = np.stack([peak.xs, peak.ys], axis=1).astype(np.float32)
    scores = np.broadcast_to(peak.scores[:, None, None], (*moves.shape[:2], 1))
    return np.concatenate([pixels[:, None] + moves, scores], axis=2)


def _snap(
    joint: Array, boxes: Array, found: Peaks, offset: Array | None, reach: np.float32
) -> None:
    """Move one joint of everybody, (n,3) in place, to the nearest of its peaks that fits."""
    joint[:, 2] = 0
    if not len(found.xs) or not len(joint):
        return
    peaks = np.stack([found.xs, found.ys], axis=1).astype(np.float32)
    moves = np.float32(0.5) if offset is None else offset[:, found.ys, found.xs].T
    with np.errstate(invalid="ignore", over="ignore"):
        peaks = peaks + moves
        away = joint[:, None, :2] - peaks
        distances = np.sqrt(away[..., 0] * away[..., 0] + away[..., 1] * away[..., 1])
        distance = np.fmin.reduce(distances, axis=1)
        nearest = np.argmax(distances == distance[:, None], axis=1)
        x, y = peaks[nearest].T
        sides = boxes[:, 2:] - boxes[:, :2]
        fits = distance <= np.maximum(sides[:, 0], sides[:, 1]) * reach
        fits &= (x >= boxes[:, 0]) & (x <= boxes[:, 2]) & (y >= boxes[:, 1]) & (y <= boxes[:, 3])
    joint[fits] = np.stack([x, y, found.scores[nearest]], axis=1)[fits]


@dataclass(frozen=True)
class MultiPose(Parameters):
    """Decoder of CenterNet's pose heads; network-input pixels.

    Attributes:
        heatmap: output with the map of centres.
        size: output with the box sizes, 2 channels, heatmap pixels.
        keypoints: output with the way from a centre to each joint, 2J channels, x before y.
        offset: output with the centre's offset, 2 channels; null for a network without it.
        joint_heatmap: output with a map for each joint; null leaves joints at their regression.
        joint_offset: output with the offset of the joints' peaks, 2 channels; null adds 0.5.
        activation: what is still to be applied to both heatmaps.
        stride: network-input pixels of a heatmap pixel.
        center_shift: added to both coordinates of a box's centre, heatmap pixels; null is
            CenterNet's rule, 0.5 without an offset and 0 with one.
        kernel: odd side of the window in which a peak is the maximum, heatmap pixels.
        k: most people of an image, and most peaks of a joint's map.
        threshold: least score of a person.
        joint_threshold: least score of a joint's peak.
        reach: how far a joint may snap, as a fraction of the box's longer side.
        layout: of all these outputs, nchw or nhwc.
        backend: "cpp" or "numpy".
    """

    heatmap: str = "hm"
    size: str = "wh"
    keypoints: str = "hps"
    offset: str | None = None
    joint_heatmap: str | None = None
    joint_offset: str | None = None
    activation: Activation = "sigmoid"
    stride: float = 4.0
    center_shift: float | None = None
    kernel: int = 3
    k: int = 100
    threshold: float = 0.05
    joint_threshold: float = 0.1
    reach: float = 0.3
    layout: Layout = "nchw"
    backend: Backend = "cpp"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.at_least(1, "k")
        self.odd("kernel")
        self.above_zero("stride")
        self.fractions("threshold", "joint_threshold")
        if self.joint_offset is not None and self.joint_heatmap is None:
            raise self.wrong("joint_heatmap", "an output's name beside joint_offset")

    def __call__(
        self,
        heads: Mapping[str, Array],
        refine: Refine | None = None,
        trace: dict[str, Array] | None = None,
    ) -> list[Instances]:
        """Decode a batch: see `Decoder`.

        Trace names: detection (n, 6: box, score, class) and keypoints (n, J, 3: x, y, score).

        Raises:
            InputError: a head is missing or its shape does not fit, or a trace of several images.

        Warns:
            RuntimeWarning: the network gave NaN or infinities; people that hold one are dropped.
        """
        names = (self.heatmap, self.size, self.keypoints)
        maps: list[Array] = [head(heads, name, "MultiPose", self.layout) for name in names]
        check_trace(trace, len(maps[0]))
        optional = (self.offset, self.joint_heatmap, self.joint_offset)
        found = multi_pose(
            *maps,
            *(
                None if name is None else head(heads, name, "MultiPose", self.layout)
                for name in optional
            ),
            activation=self.activation,
            center_shift=self.center_shift,
            kernel=self.kernel,
            k=self.k,
            threshold=self.threshold,
            joint_threshold=self.joint_threshold,
            reach=self.reach,
            backend=self.backend,
        )
        decoded = []
        for scores, classes, feature_boxes, people in found:
            boxes = feature_boxes * np.float32(self.stride)
            keypoints = people * np.asarray([self.stride, self.stride, 1], np.float32)
            if trace is not None:
                rows = [boxes, scores[:, None], classes[:, None].astype(np.float32)]
                trace["detection"] = np.concatenate(rows, axis=1)
                trace["keypoints"] = keypoints
            rows = [boxes, keypoints.reshape(len(boxes), keypoints.shape[1] * 3)]
            kept = finite_rows(np.concatenate(rows, axis=1), "people")
            decoded.append(
                Instances(scores[kept], classes[kept], boxes[kept], None, keypoints[kept])
            )
        return decoded
