from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_Float = NDArray[np.float32]
_Int = NDArray[np.int64]
_Bytes = NDArray[np.uint8]
_Runs = NDArray[np.uint32]
_NonFinite = tuple[int, int, int]
_Affine = tuple[float, float, float, float, float, float]

def version() -> int: ...

# maps
def peaks(
    heatmap: _Float, k: int, threshold: float, logits: bool, kernel: int
) -> tuple[list[tuple[_Float, _Int, _Int, _Int]], _NonFinite]: ...
def ctdet(
    heatmap: _Float,
    size: _Float,
    offset: _Float | None,
    ltrb: bool,
    logits: bool,
    size_factor: float,
    center_shift: float,
    kernel: int,
    k: int,
    threshold: float,
    iou: float | None,
) -> tuple[list[tuple[_Float, _Int, _Float]], _NonFinite]: ...
def multi_pose(
    heatmap: _Float,
    size: _Float,
    keypoints: _Float,
    offset: _Float | None,
    joint_heatmap: _Float | None,
    joint_offset: _Float | None,
    logits: bool,
    center_shift: float,
    kernel: int,
    k: int,
    threshold: float,
    joint_threshold: float,
    reach: float,
) -> tuple[list[tuple[_Float, _Int, _Float, _Float]], _NonFinite]: ...
def keypoints(heatmaps: _Float, method: int, kernel: int) -> tuple[_Float, _Float, _NonFinite]: ...
def merge_flipped(heatmaps: _Float, mirrored: _Float, order: _Int, shift: bool) -> _Float: ...
def simcc(x: _Float, y: _Float, split_ratio: float) -> tuple[_Float, _Float, _NonFinite]: ...
def movenet(
    center: _Float,
    heatmap: _Float,
    regression: _Float,
    offset: _Float,
    logits: bool,
    half_constants: bool,
) -> tuple[_Float, _Float, _NonFinite]: ...
def sample(feature: _Float, points: _Float, align_corners: bool) -> _Float: ...
def fast_nms(boxes: _Float, scores: _Float, classes: NDArray[np.int32], iou: float) -> _Int: ...

# contours
def resample(polygons: _Float, count: int) -> _Float: ...
def initial_contours(offsets: _Float, xs: _Int, ys: _Int, stride: float) -> _Float: ...
def clip_points(points: _Float, height: int, width: int) -> _Float: ...
def clip_boxes(boxes: _Float, height: int, width: int) -> _Float: ...
def canonical_contours(contours: _Float) -> _Float: ...
def diamonds(boxes: _Float) -> _Float: ...
def octagons(extreme: _Float) -> _Float: ...
def undo_jagged(previous: _Float, last: _Float, least: int) -> _Float: ...
def masks(contours: _Float, height: int, width: int) -> _Bytes: ...
def run_lengths(contours: _Float, height: int, width: int) -> list[_Runs]: ...
def rle_string(runs: _Runs) -> str: ...

# images
def normalize(images: _Bytes, swap: bool, scale: float, mean: _Float, std: _Float) -> _Float: ...
def resize(images: _Bytes, height: int, width: int) -> _Bytes: ...
def preprocess(
    images: _Bytes,
    height: int,
    width: int,
    stretch: bool,
    swap: bool,
    scale: float,
    mean: _Float,
    std: _Float,
) -> tuple[_Float, _Affine]: ...
def person_affine(
    box: Sequence[float], height: int, width: int, growth: float, udp: bool
) -> _Affine: ...
def invert_affine(matrix: Sequence[float]) -> _Affine: ...
def move_points(points: _Float, matrix: Sequence[float]) -> _Float: ...
