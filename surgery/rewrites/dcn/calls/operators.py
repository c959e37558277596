"""Operators of torch that are deformable convolutions, and how their arguments are read.

``torchvision::deform_conv2d`` is what ``torchvision.ops.deform_conv2d`` and torchvision's layer
call, and by its schema what those call who declare it without torchvision; ours is what patched
functions of mmcv call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ..geometry import Geometry
from .call import DeformCall

NAMES = frozenset({"torchvision::deform_conv2d", "surgery::deform_conv2d"})
ARGUMENTS = (
    "input", "weight", "offset", "mask", "bias", "stride_h", "stride_w", "pad_h", "pad_w",
    "dilation_h", "dilation_w", "groups", "offset_groups", "use_mask",
)  # fmt: skip


def name_of(function: object) -> str:
    """``namespace::name`` of an operator of torch, or ""."""
    if isinstance(function, torch._ops.OpOverload):
        return str(function._schema.name)
    if isinstance(function, torch._ops.OpOverloadPacket):
        return str(function._qualified_op_name)
    return ""


def read(
    function: Callable[..., Tensor], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> DeformCall:
    """Return the call of one of the operators :data:`NAMES`."""
    given = dict(zip(ARGUMENTS, args, strict=False)) | dict(kwargs)
    weight = given["weight"]
    geometry = Geometry.of(
        weight,
        (int(given["stride_h"]), int(given["stride_w"])),
        (int(given["pad_h"]), int(given["pad_w"])),
        (int(given["dilation_h"]), int(given["dilation_w"])),
        int(given["groups"]),
        int(given["offset_groups"]),
    )
    return DeformCall(
        given["input"],
        given["offset"],
        given["mask"] if given["use_mask"] else None,
        weight,
        given["bias"],
        geometry,
        lambda: function(*args, **kwargs),
    )
