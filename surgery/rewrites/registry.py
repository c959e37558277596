"""Rewrites by name: ours, and those that other packages register.

Another package adds its own through the entry-point group ``surgery.rewrites``. Each is imported
when it is first asked for. A member replaces modules (:class:`Rewrite`) or, where it has a
``function``, that function (:class:`FunctionPatch`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from postprocess.contracts import lacking
from postprocess.registry import Registry

from .base import Rewrite
from .functions.base import FunctionPatch

if TYPE_CHECKING:
    from typing_extensions import TypeIs


def is_patch(member: Rewrite | FunctionPatch) -> TypeIs[FunctionPatch]:
    """Whether a rewrite replaces a function, not modules."""
    return hasattr(member, "function")


def _fault(name: str, member: object) -> str:
    return lacking(FunctionPatch if hasattr(member, "function") else Rewrite)(name, member)


REWRITES: Registry[Rewrite | FunctionPatch] = Registry(
    "surgery.rewrites",
    "rewrite",
    own={
        "dcn.keep": "surgery.rewrites.dcn.keep:KEEP",
        "dcn.plain": "surgery.rewrites.dcn.plain:PLAIN",
        "dcn.folded": "surgery.rewrites.dcn.folded:FOLDED",
        "dcn.calibrated": "surgery.rewrites.dcn.calibrated:CALIBRATED",
        "dcn.distilled": "surgery.rewrites.dcn.distilled:DISTILLED",
        "fitted": "surgery.rewrites.fitted:REFITTED",
        "conv_bn": "surgery.rewrites.conv_bn:CONV_BN",
        "dropout": "surgery.rewrites.dropout:DROPOUT",
        "activation.relu6": "surgery.rewrites.activation.relu6:RELU6",
        "activation.hardswish": "surgery.rewrites.activation.hardswish:HARDSWISH",
        "dcn.native": "surgery.rewrites.dcn.native:NATIVE",
        "dcn.custom": "surgery.rewrites.dcn.custom:CUSTOM",
        "dcn.shifted": "surgery.rewrites.dcn.shift.shifted:SHIFTED",
        "dcn.decomposed": "surgery.rewrites.dcn.decomposed:DECOMPOSED",
        "function.dropout": "surgery.rewrites.functions.dropout:DROPOUT",
        "function.interpolate": "surgery.rewrites.functions.interpolate:INTERPOLATE",
        "function.modulated_deform_conv2d": (
            "surgery.rewrites.functions.modulated_deform_conv2d:MODULATED_DEFORM_CONV2D"
        ),
        "function.roi_align": "surgery.rewrites.functions.roi_align:ROI_ALIGN",
        "function.setitem": "surgery.rewrites.functions.setitem:SETITEM",
    },
    fault=_fault,
)
