"""Export a deformable layer as ONNX's own operator DeformConv (opset 19 and later).

Outside an export the original layer computes as ever, to the bit. The operator takes the offsets
and the mask just as the layers do: https://onnx.ai/onnx/operators/onnx__DeformConv.html.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from postprocess.errors import InputError

from ...support.torch_compat import is_exporting
from ..base import Context, Match, Replacement
from ..traits import Traits
from .calls import DeformCall, intercepted
from .deform_layer import DeformLayer
from .geometry import Geometry
from .layer import DeformModule, at_calls, match_deform, replaced_at_calls
from .recognise import describe

MIN_OPSET = 19
TRAITS = Traits(("DeformConv",), accuracy=10, speed=10)


@dataclass(frozen=True)
class Native:
    """The ONNX operator DeformConv."""

    name: str = "dcn.native"
    exact: bool = True
    summary: str = "ONNX DeformConv, one operator a layer"
    min_opset: int = MIN_OPSET
    traits: Traits = TRAITS

    def match(self, module: nn.Module) -> Match:
        """Accept every deformable convolution that is recognised."""
        return match_deform(module, calls=True)

    def replacement(self, module: nn.Module, path: str, context: Context) -> Replacement:
        """Return a module that calls the original one, and in an export emits DeformConv.

        Raises:
            InputError: the opset has no DeformConv.
        """
        if context.opset < MIN_OPSET:
            raise InputError(
                f"dcn.native needs opset {MIN_OPSET} or later (DeformConv), got {context.opset}: "
                "raise the opset, or choose dcn.decomposed"
            )
        layer = describe(module)
        if not isinstance(layer, DeformLayer) or replaced_at_calls(module):
            return at_calls(module, self, context)
        return Replacement(NativeDeform(module, layer))

    def at_call(self, call: DeformCall, context: Context) -> Tensor:
        """Return the node in an export, the function's own result otherwise."""
        return _emit(call) if torch.onnx.is_in_onnx_export() else call.function()


class NativeDeform(DeformModule):
    """The original layer; DeformConv while torch.onnx.export runs."""

    original: nn.Module

    def __init__(self, original: nn.Module, layer: DeformLayer) -> None:
        super().__init__(layer)
        # Not registered as a child: its parameters are this module's own, under the same names.
        object.__setattr__(self, "original", original)

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        """Arguments and result of the original layer."""
        if not torch.onnx.is_in_onnx_export():
            with intercepted(None):
                return cast(Tensor, self.original(*args, **kwargs))
        return _emit(self.called(*args, **kwargs))


def _emit(call: DeformCall) -> Tensor:
    """The operator, by the exporter that is at work."""
    geometry, bias = call.geometry, call.bias
    if bias is None and call.mask is not None:  # the operator takes the bias before the mask
        bias = call.weight.new_zeros(geometry.out_channels)
    deform_groups = geometry.deform_groups_of(call.offset)
    if not is_exporting():
        trace = cast(Callable[..., Tensor], _DeformConv.apply)
        given = (call.image, call.weight, call.offset, bias, call.mask)
        return trace(*given, geometry, deform_groups)
    return torch.onnx.ops.symbolic(
        "DeformConv",
        [t for t in (call.image, call.weight, call.offset, bias, call.mask) if t is not None],
        dict(_attributes(geometry, deform_groups)),
        dtype=call.image.dtype,
        shape=(call.image.shape[0], geometry.out_channels, *call.offset.shape[2:]),
    )


def _attributes(geometry: Geometry, deform_groups: int) -> Mapping[str, int | Sequence[int]]:
    return {
        "kernel_shape": list(geometry.kernel),
        "strides": list(geometry.stride),
        "pads": [*geometry.padding, *geometry.padding],
        "dilations": list(geometry.dilation),
        "group": geometry.groups,
        "offset_group": deform_groups,
    }


class _DeformConv(torch.autograd.Function):
    """The operator for the TorchScript exporter, which traces.

    The trace needs a tensor of the right shape and none of its values, so that there is no second
    computation here that the exporter could inline in the operator's place.
    """

    @staticmethod
    def forward(
        ctx: Any,
        image: Tensor,
        weight: Tensor,
        offset: Tensor,
        bias: Tensor | None,
        mask: Tensor | None,
        geometry: Geometry,
        deform_groups: int,
    ) -> Tensor:
        return image.new_zeros(image.shape[0], geometry.out_channels, *offset.shape[2:])

    @staticmethod
    def symbolic(
        g: Any,
        image: Any,
        weight: Any,
        offset: Any,
        bias: Any,
        mask: Any,
        geometry: Geometry,
        deform_groups: int,
    ) -> Any:
        given = [value for value in (image, weight, offset, bias, mask) if value is not None]
        attributes = {f"{k}_i": v for k, v in _attributes(geometry, deform_groups).items()}
        return g.op("DeformConv", *given, **attributes)


NATIVE = Native()
