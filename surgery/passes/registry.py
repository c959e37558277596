"""Passes by name: ours, those that other packages register, and the order in which they run.

Another package adds its own through the entry-point group ``surgery.passes``. Each is imported when
it is first asked for.
"""

from __future__ import annotations

from collections.abc import Sequence

from postprocess.contracts import lacking
from postprocess.registry import Registry

from .base import Pass

PASSES: Registry[Pass] = Registry(
    "surgery.passes",
    "pass",
    own={
        "initializers": "surgery.passes.tidy:INITIALIZERS",
        "fold": "surgery.passes.fold:FOLD",
        "slim": "surgery.passes.slim:SLIM",
        "deform": "surgery.passes.deform:DEFORM",
        "dead": "surgery.passes.fold:DEAD",
        "names": "surgery.passes.tidy:NAMES",
        "resize": "surgery.passes.resize:RESIZE",
        "transpose": "surgery.passes.transpose:TRANSPOSE",
        "deconv_shuffle": "surgery.passes.deconv_phases:DECONV_SHUFFLE",
        "deconv_interleave": "surgery.passes.deconv_phases:DECONV_INTERLEAVE",
        "deconv_resize": "surgery.passes.deconv_resize:DECONV_RESIZE",
        "deconv_dense": "surgery.passes.deconvolution:DECONV_DENSE",
        "clip_bounds": "surgery.passes.clip_bounds:CLIP_BOUNDS",
        "pad_slices": "surgery.passes.pad_slices:PAD_SLICES",
        "resize_nearest": "surgery.passes.resize:RESIZE_NEAREST",
        "resize_deconv": "surgery.passes.resize_deconv:RESIZE_DECONV",
        "resize_matmul": "surgery.passes.resize:RESIZE_MATMUL",
        "auto_pad": "surgery.passes.auto_pad:AUTO_PAD",
        "fused_conv": "surgery.passes.fused_conv:FUSED_CONV",
        "gelu_order": "surgery.passes.gelu_order:GELU_ORDER",
        "deform_sampled": "surgery.passes.deform_sampled:DEFORM_SAMPLED",
        "deform_gathered": "surgery.passes.deform_gathered:DEFORM_GATHERED",
        "batchnorm": "surgery.passes.batchnorm:BATCHNORM",
        "last_axis": "surgery.passes.last_axis:LAST_AXIS",
        "positive_axes": "surgery.passes.positive_axes:POSITIVE_AXES",
        "depth_to_space": "surgery.passes.depth_to_space:DEPTH_TO_SPACE",
        "depth_to_space_deconv": "surgery.passes.depth_to_space:DEPTH_TO_SPACE_DECONV",
        "pixel_shuffle": "surgery.passes.pixel_shuffle:PIXEL_SHUFFLE",
        "transpose_rank": "surgery.passes.transpose:TRANSPOSE_RANK",
        "conv3d": "surgery.passes.conv3d:CONV3D",
        "element_types": "surgery.passes.element_types:ELEMENT_TYPES",
        "float32": "surgery.passes.float32:FLOAT32",
        "int32": "surgery.passes.int32:INT32",
        "int32_indices": "surgery.passes.int32:INT32_INDICES",
        "masked_assignment": "surgery.passes.masked_assignment:MASKED_ASSIGNMENT",
        "boolean_where": "surgery.passes.boolean_where:BOOLEAN_WHERE",
        "slice_assignment": "surgery.passes.slice_assignment:SLICE_ASSIGNMENT",
        "gather_slice": "surgery.passes.gather_slice:GATHER_SLICE",
    },
    fault=lacking(Pass),
)
# Those that work on layouts are for graphs that were found: ours are channels first already.
DEFAULT_ORDER = ("initializers", "fold", "slim", "deform", "dead", "names")


def order_with(also: Sequence[str]) -> tuple[str, ...]:
    """The default order with further passes in front of the last clean-up."""
    return (*DEFAULT_ORDER[:-2], *also, *DEFAULT_ORDER[-2:])
