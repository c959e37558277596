"""Layers that several of the published architectures share."""

from __future__ import annotations

from .contour import MIN_POINTS, Snake
from .deform import DCN, deform_conv2d
from .guards import in_onnx_export
from .sampling import canonical, clip_contours, sample_features

__all__ = [
    "DCN",
    "MIN_POINTS",
    "Snake",
    "canonical",
    "clip_contours",
    "deform_conv2d",
    "in_onnx_export",
    "sample_features",
]
