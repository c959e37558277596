"""Decoders called directly: arrays in, arrays out, no model state.

Every array is float32, C-contiguous or not, x before y; heatmap pixels unless a docstring says
otherwise. `backend="cpp"` runs the compiled twin in postprocess/cpp, `backend="numpy"` the
reference.
"""

from __future__ import annotations

from .contours import canonical_contours, clip_contours, contour_boxes, initial_contours
from .ctdet import Boxes, ctdet
from .flip import merge_flipped, mirror_order
from .jagged import undo_jagged
from .keypoints import keypoints
from .masks import masks, rle_string, run_lengths
from .movenet import movenet
from .multi_pose import People, multi_pose
from .nms import fast_nms
from .peaks import Peaks, peaks, peaks_batch
from .resample import resample
from .sample import sample
from .simcc import simcc

__all__ = [
    "Boxes",
    "Peaks",
    "People",
    "canonical_contours",
    "clip_contours",
    "contour_boxes",
    "ctdet",
    "fast_nms",
    "initial_contours",
    "keypoints",
    "masks",
    "merge_flipped",
    "mirror_order",
    "movenet",
    "multi_pose",
    "peaks",
    "peaks_batch",
    "resample",
    "rle_string",
    "run_lengths",
    "sample",
    "simcc",
    "undo_jagged",
]
