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
        "adaptive_avg_pool": "surgery.symbolics.adaptive_pool:ADAPTIVE_AVG_POOL",
        "adaptive_max_pool": "surgery.symbolics.adaptive_pool:ADAPTIVE_MAX_POOL",
        "channel_shuffle": "surgery.symbolics.channel_shuffle:CHANNEL_SHUFFLE",
        "deform_conv": "surgery.symbolics.deform_conv:DEFORM_CONV",
        "deform_conv.decomposed": "surgery.symbolics.deform_sampled:DECOMPOSED",
        "gelu.decomposed": "surgery.symbolics.gelu:DECOMPOSED",
        "grid_sample": "surgery.symbolics.grid_sample:GRID_SAMPLE",
        "group_norm.decomposed": "surgery.symbolics.group_norm:DECOMPOSED",
        "hardsigmoid.decomposed": "surgery.symbolics.hardsigmoid:DECOMPOSED",
        "hardswish": "surgery.symbolics.hardswish:HARDSWISH",
        "hardswish.decomposed": "surgery.symbolics.hardswish:DECOMPOSED",
        "instance_norm.decomposed": "surgery.symbolics.instance_norm:DECOMPOSED",
        "layer_norm.decomposed": "surgery.symbolics.layer_norm:DECOMPOSED",
        "mish": "surgery.symbolics.mish:MISH",
        "mish.decomposed": "surgery.symbolics.mish:DECOMPOSED",
        "pixel_shuffle.decomposed": "surgery.symbolics.pixel_shuffle:DECOMPOSED",
        "pixel_unshuffle": "surgery.symbolics.pixel_unshuffle:PIXEL_UNSHUFFLE",
        "roi_align": "surgery.symbolics.roi_align:ROI_ALIGN",
        "roll": "surgery.symbolics.roll:ROLL",
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
