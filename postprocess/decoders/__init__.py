"""Decoders called directly: arrays in, arrays out, no model state.

Every array is float32, C-contiguous or not, x before y; heatmap pixels unless a docstring says
otherwise. `backend="cpp"` runs the compiled twin in postprocess/cpp, `backend="numpy"` the
reference.
"""

from __future__ import annotations

from .contours import canonical_contours, clip_contours, contour_boxes, initial_contours
from .jagged import undo_jagged
from .keypoints import keypoints
from .nms import fast_nms
from .peaks import Peaks, peaks, peaks_batch
from .resample import resample
from .sample import sample

__all__ = [
    "Peaks",
    "canonical_contours",
    "clip_contours",
    "contour_boxes",
    "fast_nms",
    "initial_contours",
    "keypoints",
    "peaks",
    "peaks_batch",
    "resample",
    "sample",
    "undo_jagged",
]
