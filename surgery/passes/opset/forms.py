"""Operators in the form that they had one opset earlier, where that is not the same one.

Each entry of :data:`FORMS` is for an operator and the opset in which it changed, and gives the
nodes of the opset before that compute the same (:mod:`.form`); from ONNX's Operators.md and
Changelog.md.
"""

from __future__ import annotations

from collections.abc import Mapping

from . import attributes, normalization, resampling
from .form import Form, input_as_attribute, refuse_values

# Operators that meant something else before, so that a function stands for them below this opset.
REDEFINED = {"GroupNormalization": 21}

_REDUCTIONS = (
    *("ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean"),
    *("ReduceMin", "ReduceProd", "ReduceSumSquare"),
)

FORMS: Mapping[tuple[str, int], Form] = {
    ("GridSample", 20): resampling.grid_sample,
    ("Resize", 19): refuse_values("coordinate_transformation_mode", ["half_pixel_symmetric"]),
    ("Pad", 19): refuse_values("mode", ["wrap"]),
    ("Split", 18): attributes.split_count,
    ("Pad", 18): attributes.pad_axes,
    ("Resize", 18): resampling.resize_axes,
    **dict.fromkeys(((name, 18) for name in _REDUCTIONS), attributes.reduction),
    ("LayerNormalization", 17): normalization.layer_norm,
    ("RoiAlign", 16): resampling.roi_align,
    ("Shape", 15): attributes.shape_slice,
    ("Reshape", 14): attributes.reshape,
    **dict.fromkeys(
        (("Softmax", 13), ("LogSoftmax", 13), ("Hardmax", 13)), normalization.normalized_axis
    ),
    **dict.fromkeys((("QuantizeLinear", 13), ("DequantizeLinear", 13)), normalization.one_scale),
    ("ReduceSum", 13): attributes.reduction,
    ("Squeeze", 13): input_as_attribute(1, "axes"),
    ("Unsqueeze", 13): input_as_attribute(1, "axes"),
    ("Split", 13): input_as_attribute(1, "split"),
    ("Resize", 13): resampling.resize_inputs,
    ("Constant", 12): attributes.constant_value,
    ("Dropout", 12): attributes.dropout,
    ("Clip", 11): attributes.clip_attributes,
    ("Pad", 11): attributes.pad_attributes,
    ("Resize", 11): resampling.resize_plain,
}
