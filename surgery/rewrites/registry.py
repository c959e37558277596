"""Rewrites by name: ours, and those that other packages register.

Another package adds its own through the entry-point group ``surgery.rewrites``. Each is imported
when it is first asked for.
"""

from __future__ import annotations

from postprocess.contracts import lacking
from postprocess.registry import Registry

from .base import Rewrite

REWRITES: Registry[Rewrite] = Registry(
    "surgery.rewrites",
    "rewrite",
    own={
        "dcn.keep": "surgery.rewrites.dcn.keep:KEEP",
        "dcn.plain": "surgery.rewrites.dcn.plain:PLAIN",
        "dcn.folded": "surgery.rewrites.dcn.folded:FOLDED",
        "dcn.calibrated": "surgery.rewrites.dcn.calibrated:CALIBRATED",
        "dcn.distilled": "surgery.rewrites.dcn.distilled:DISTILLED",
        "fitted": "surgery.rewrites.fitted:REFITTED",
        "dcn.native": "surgery.rewrites.dcn.native:NATIVE",
        "dcn.custom": "surgery.rewrites.dcn.custom:CUSTOM",
        "dcn.shifted": "surgery.rewrites.dcn.shifted:SHIFTED",
        "dcn.decomposed": "surgery.rewrites.dcn.decomposed:DECOMPOSED",
    },
    fault=lacking(Rewrite),
)
