"""Symbolics by name: ours, and those that other packages register.

Another package adds its own through the entry-point group ``surgery.symbolics``. Each is imported
when it is first asked for. Those of ``DEFAULT`` are on in every export; others where
``surgery.symbolics.also`` names them, so that installing a package changes nobody's export.
"""

from __future__ import annotations

from postprocess.contracts import lacking
from postprocess.registry import Registry

from .base import Symbolic

SYMBOLICS: Registry[Symbolic] = Registry(
    "surgery.symbolics",
    "symbolic",
    own={
        "adaptive_avg_pool": "surgery.export.symbolics.adaptive_pool:ADAPTIVE_AVG_POOL",
        "adaptive_max_pool": "surgery.export.symbolics.adaptive_pool:ADAPTIVE_MAX_POOL",
        "channel_shuffle": "surgery.export.symbolics.channel_shuffle:CHANNEL_SHUFFLE",
        "deform_conv": "surgery.export.symbolics.deform_conv:DEFORM_CONV",
        "deform_conv.decomposed": "surgery.export.symbolics.deform_sampled:DECOMPOSED",
        "gelu.decomposed": "surgery.export.symbolics.gelu:DECOMPOSED",
        "grid_sample": "surgery.export.symbolics.grid_sample:GRID_SAMPLE",
        "group_norm.decomposed": "surgery.export.symbolics.group_norm:DECOMPOSED",
        "hardsigmoid.decomposed": "surgery.export.symbolics.hardsigmoid:DECOMPOSED",
        "hardswish": "surgery.export.symbolics.hardswish:HARDSWISH",
        "hardswish.decomposed": "surgery.export.symbolics.hardswish:DECOMPOSED",
        "instance_norm.decomposed": "surgery.export.symbolics.instance_norm:DECOMPOSED",
        "layer_norm.decomposed": "surgery.export.symbolics.layer_norm:DECOMPOSED",
        "mish": "surgery.export.symbolics.mish:MISH",
        "mish.decomposed": "surgery.export.symbolics.mish:DECOMPOSED",
        "pixel_shuffle.decomposed": "surgery.export.symbolics.pixel_shuffle:DECOMPOSED",
        "pixel_unshuffle": "surgery.export.symbolics.pixel_unshuffle:PIXEL_UNSHUFFLE",
        "roi_align": "surgery.export.symbolics.roi_align:ROI_ALIGN",
        "roll": "surgery.export.symbolics.roll:ROLL",
    },
    fault=lacking(Symbolic),
)
# What the exporters cannot write, or write wrongly. The others take operators out of the graph that
# some targets lack: ``surgery.symbolics.also`` names them.
DEFAULT = (
    "adaptive_avg_pool",
    "adaptive_max_pool",
    "channel_shuffle",
    "deform_conv",
    "deform_conv.decomposed",
    "grid_sample",
    "hardswish",
    "mish",
    "roi_align",
    "roll",
)
