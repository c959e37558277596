"""CenterNet's boxes: a peak of the class heatmap, the centre below a pixel, the size at the peak.

Zhou et al., "Objects as Points" (2019), section 4, as `ctdet_decode` of github.com/xingyizhou/
CenterNet (src/lib/models/decode.py) orders it, opened up for graphs that others exported:

    centre = peak + offset + center_shift
    wh:   x1, y1 = centre - size / 2,          x2, y2 = centre + size / 2
    ltrb: x1, y1 = centre - (left, top),       x2, y2 = centre + (right, bottom)

CenterNet has no NMS beyond the peaks; `iou` adds Fast-NMS for networks that need it. Arithmetic is
float32, in this order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..instances import Array, Instances
from ._arrays import as_choice, as_count, as_float32, as_kernel, as_number, as_threshold
from ._backend import Backend, native
from ._finite import finite_rows, warn_non_finite
from ._heads import Layout, check_maps, head
from .base import Parameters, Refine, check_trace
from .nms import fast_nms
from .peaks import Peaks, peaks_batch

Box = Literal["wh", "ltrb"]
Activation = Literal["sigmoid", "none"]
SizeUnit = Literal["feature", "input"]

_SIZE_CHANNELS: dict[str, int] = {"wh": 2, "ltrb": 4}


class Boxes(NamedTuple):
    """Boxes of one image, score descending.

    Attributes:
        scores: (n,) float32 probabilities.
        classes: (n,) int64 heatmap channels.
        boxes: (n,4) float32 x1, y1, x2, y2, heatmap pixels.
    """

    scores: Array
    classes: NDArray[np.int64]
    boxes: Array


def ctdet(
    heatmap: ArrayLike,
    size: ArrayLike,
    offset: ArrayLike | None = None,
    *,
    box: Box = "wh",
    activation: Activation = "sigmoid",
    stride: float = 4.0,
    size_unit: SizeUnit = "feature",
    size_scale: float = 1.0,
    center_shift: float | None = None,
    kernel: int = 3,
    k: int = 100,
    threshold: float = 0.05,
    iou: float | None = None,
    backend: Backend = "cpp",
) -> Boxes | list[Boxes]:
    """Decode CenterNet's heads into boxes.

    Args:
        heatmap: (C,H,W) or (N,C,H,W) floating point, any strides.
        size: (2,H,W) width, height or (4,H,W) left, top, right, bottom, as `box` says; with N
            where the heatmap has one.
        offset: (2,H,W) x, y added to the peak, heatmap pixels; None for a network without it.
        box: what `size` holds.
        activation: what is still to be applied to the heatmap.
        stride: network-input pixels of a heatmap pixel; used where `size_unit` is "input".
        size_unit: pixels of `size`, those of the heatmap ("feature") or of the network's input.
        size_scale: factor on `size`.
        center_shift: added to both coordinates of a centre, heatmap pixels. None is CenterNet's
            rule: 0.5 without an `offset`, 0 with one.
        kernel: odd side of the max window, heatmap pixels.
        k: most boxes of an image.
        threshold: least probability, compared with >= in float32.
        iou: boxes that a better one of their class overlaps by this or more go (Fast-NMS); None
            keeps all.
        backend: "cpp", or "numpy" for the reference.

    Returns:
        Boxes (scores, classes, boxes) in heatmap pixels for (C,H,W), a list of N of them for
        (N,C,H,W); score descending, ties by class, y, x, as `peaks` orders them. A box may reach
        over the border of the map, and is NaN where its size is.

    Raises:
        InputError: wrong dtype, shape or parameter.
        ImportError: backend "cpp" and no compiled extension.

    Warns:
        RuntimeWarning: the heatmap holds NaN or infinities; says how many.
    """
    rank = np.ndim(heatmap)
    maps = {"heatmap": _batched(heatmap, "heatmap", "C", rank)}
    maps["size"] = _batched(size, "size", str(_SIZE_CHANNELS.get(box, 2)), rank)
    if offset is not None:
        maps["offset"] = _batched(offset, "offset", "2", rank)
    found = _ctdet(
        maps["heatmap"],
        maps["size"],
        maps.get("offset"),
        box=box,
        activation=activation,
        size_factor=_size_factor(size_scale, size_unit, stride),
        center_shift=resolved_shift(center_shift, offset is None),
        kernel=kernel,
        k=k,
        threshold=threshold,
        iou=iou,
        backend=backend,
    )
    return found if rank == 4 else found[0]


def _batched(values: ArrayLike, name: str, channels: str, rank: int) -> Array:
    layouts = {4: f"(N,{channels},H,W)"} if rank == 4 else {3: f"({channels},H,W)"}
    array = as_float32(values, name, layouts)
    return array if rank == 4 else array[None]


def _size_factor(size_scale: float, size_unit: str, stride: float) -> float:
    """From the network's sizes to heatmap pixels."""
    as_choice(size_unit, get_args(SizeUnit), "size_unit")
    scale = as_number(size_scale, "size_scale")
    return scale / as_number(stride, "stride", above=0) if size_unit == "input" else scale


def resolved_shift(center_shift: float | None, no_offset: bool) -> float:
    """CenterNet's rule where `center_shift` is None: half a pixel stands in for an offset."""
    if center_shift is None:
        return 0.5 if no_offset else 0.0
    return as_number(center_shift, "center_shift")


def _ctdet(
    heatmap: Array,
    size: Array,
    offset: Array | None,
    *,
    box: str,
    activation: str,
    size_factor: float,
    center_shift: float,
    kernel: int,
    k: int,
    threshold: float,
    iou: float | None,
    backend: Backend,
) -> list[Boxes]:
    """Boxes of each image of (N,...) float32 maps."""
    as_choice(box, get_args(Box), "box")
    logits = as_choice(activation, get_args(Activation), "activation") == "sigmoid"
    maps, channels = {"heatmap": heatmap, "size": size}, {"size": _SIZE_CHANNELS[box]}
    if offset is not None:
        maps["offset"], channels["offset"] = offset, 2
    check_maps(maps, channels)
    k, kernel = as_count(k, "k", 0), as_kernel(kernel)
    least = float(as_threshold(threshold, "threshold"))
    most = None if iou is None else float(as_threshold(iou, "iou"))
    library = native(backend, "ctdet")
    if library is not None:
        images, (nan, positive, negative) = library.ctdet(
            heatmap, size, offset, box == "ltrb", logits, size_factor, center_shift, kernel, k,
            least, most,
        )  # fmt: skip
        warn_non_finite("heatmap", nan, positive, negative, stacklevel=4)
        return [Boxes(*rows) for rows in images]
    found = []
    for i, peak in enumerate(peaks_batch(heatmap, k, least, logits, kernel, backend)):
        moves = None if offset is None else offset[i]
        boxes = boxes_at(peak, size[i], moves, size_factor, center_shift)
        kept: slice | NDArray[np.int64] = slice(None)
        if most is not None:
            kept = fast_nms(boxes, peak.scores, peak.classes, most, backend)
        found.append(Boxes(peak.scores[kept], peak.classes[kept], boxes[kept]))
    return found


def boxes_at(
    peak: Peaks, size: Array, offset: Array | None, size_factor: float, center_shift: float
) -> Array:
    """Boxes (n,4) around the peaks of one image, heatmap pixels.

    Args:
        peak: where to read the maps.
        size: (2,H,W) widths and heights, or (4,H,W) left, top, right, bottom.
        offset: (2,H,W) heatmap pixels, or None.
        size_factor: from units of `size` to heatmap pixels.
        center_shift: added to both coordinates of a centre.
    """
    centres = np.stack([peak.xs, peak.ys], axis=1).astype(np.float32)
    with np.errstate(invalid="ignore", over="ignore"):
        if offset is not None:
            centres = centres + offset[:, peak.ys, peak.xs].T
        centres = centres + np.float32(center_shift)
        sizes = size[:, peak.ys, peak.xs].T * np.float32(size_factor)
        if sizes.shape[1] == 2:
            half = sizes / np.float32(2)
            return np.concatenate([centres - half, centres + half], axis=1)
        return np.concatenate([centres - sizes[:, :2], centres + sizes[:, 2:]], axis=1)


@dataclass(frozen=True)
class CTDet(Parameters):
    """Decoder of CenterNet's heads; boxes in network-input pixels.

    Attributes:
        heatmap: output with the class heatmap, C channels.
        size: output with the box sizes, 2 channels (wh) or 4 (ltrb).
        offset: output with the centre's offset, 2 channels; null for a network without it.
        box: what `size` holds: width and height, or the distances left, top, right, bottom.
        activation: what is still to be applied to the heatmap: sigmoid on logits, none on
            probabilities.
        stride: network-input pixels of a heatmap pixel.
        size_unit: pixels of `size`: the heatmap's ("feature") or the network input's.
        size_scale: factor on `size`.
        center_shift: added to both coordinates of a centre, heatmap pixels; null is CenterNet's
            rule, 0.5 without an offset and 0 with one.
        kernel: odd side of the window in which a peak is the maximum, heatmap pixels.
        k: most boxes of an image.
        threshold: least score.
        iou: boxes that a better one of their class overlaps by this or more go (Fast-NMS); null
            keeps all.
        layout: of all these outputs, nchw or nhwc.
        backend: "cpp" or "numpy".
    """

    heatmap: str = "hm"
    size: str = "wh"
    offset: str | None = None
    box: Box = "wh"
    activation: Activation = "sigmoid"
    stride: float = 4.0
    size_unit: SizeUnit = "feature"
    size_scale: float = 1.0
    center_shift: float | None = None
    kernel: int = 3
    k: int = 100
    threshold: float = 0.05
    iou: float | None = None
    layout: Layout = "nchw"
    backend: Backend = "cpp"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.at_least(1, "k")
        self.odd("kernel")
        self.above_zero("stride")
        self.fractions("threshold", "iou")

    def __call__(
        self,
        heads: Mapping[str, Array],
        refine: Refine | None = None,
        trace: dict[str, Array] | None = None,
    ) -> list[Instances]:
        """Decode a batch: see `Decoder`. Trace name: detection (n, 6: box, score, class).

        Raises:
            InputError: a head is missing or its shape does not fit, or a trace of several images.

        Warns:
            RuntimeWarning: the network gave NaN or infinities; boxes that hold one are dropped.
        """
        names = [self.heatmap, self.size] + ([] if self.offset is None else [self.offset])
        maps = [head(heads, name, "CTDet", self.layout) for name in names]
        check_trace(trace, len(maps[0]))
        found = _ctdet(
            maps[0],
            maps[1],
            maps[2] if self.offset is not None else None,
            box=self.box,
            activation=self.activation,
            size_factor=_size_factor(self.size_scale, self.size_unit, self.stride),
            center_shift=resolved_shift(self.center_shift, self.offset is None),
            kernel=self.kernel,
            k=self.k,
            threshold=self.threshold,
            iou=self.iou,
            backend=self.backend,
        )
        decoded = []
        for scores, classes, feature_boxes in found:
            boxes = feature_boxes * np.float32(self.stride)
            if trace is not None:
                rows = [boxes, scores[:, None], classes[:, None].astype(np.float32)]
                trace["detection"] = np.concatenate(rows, axis=1)
            kept = finite_rows(boxes, "boxes")
            decoded.append(Instances(scores[kept], classes[kept], boxes[kept]))
        return decoded
