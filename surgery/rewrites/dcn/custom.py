"""Export a deformable layer as a node of a run time's own plugin.

Outside an export the original layer computes as ever, to the bit. What the nodes are is said in
:mod:`surgery.graph.plugins`; ``context.options["custom"]`` chooses one:

- ``tensorrt``: the plugin of CaoWGG/TensorRT-CenterNet. It holds one stride, padding and dilation
  for both axes, takes the kernel for square where it works out the output's size, and knows no
  groups (``onnx-tensorrt/DCNv2.cpp``).
- ``mmdeploy``: its TensorRT plugin takes the first of a pair for the horizontal one, its ONNX
  Runtime operator for the vertical one, and the latter restarts the deformable groups in every
  group: pairs must be of equal sides, and only one kind of groups may be above one.

Both need a mask; a layer without one (DCNv1) gets one of ones, computed from its offsets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from postprocess.errors import InputError

from ...graph.plugins import MMDEPLOY, TENSORRT
from ..base import Context, Match, Replacement
from .calls import DeformCall, intercepted
from .deform_layer import DeformLayer
from .geometry import Geometry
from .layer import DeformModule, at_calls, match_deform, replaced_at_calls
from .node import Attributes, emit
from .recognise import describe

DEFAULT_PRESET = "tensorrt"


@dataclass(frozen=True)
class Preset:
    """How a plugin wants a layer.

    Attributes:
        operator: domain and name of the node.
        attributes: of the node, for a geometry and its number of deformable groups.
        refusal: why the plugin cannot take the geometry, or None.
    """

    operator: tuple[str, str]
    attributes: Callable[[Geometry, int], Attributes]
    refusal: Callable[[Geometry], str | None]


def _tensorrt_attributes(geometry: Geometry, deform_groups: int) -> Attributes:
    return {
        "stride": geometry.stride[0],
        "padding": geometry.padding[0],
        "dilation": geometry.dilation[0],
        "groups": geometry.groups,
        "deformable_group": deform_groups,
    }


def _tensorrt_refusal(geometry: Geometry) -> str | None:
    if geometry.groups > 1:
        return f"knows no groups, this layer has {geometry.groups}"
    return _unequal(geometry, "kernel", "stride", "padding", "dilation")


def _mmdeploy_attributes(geometry: Geometry, deform_groups: int) -> Attributes:
    return {
        "stride": geometry.stride,
        "padding": geometry.padding,
        "dilation": geometry.dilation,
        "groups": geometry.groups,
        "deform_groups": deform_groups,
    }


def _mmdeploy_refusal(geometry: Geometry) -> str | None:
    if geometry.groups > 1 and geometry.deform_groups != 1:
        return f"mixes up deformable groups where there are groups, here {geometry.groups}"
    return _unequal(geometry, "stride", "padding", "dilation")


def _unequal(geometry: Geometry, *names: str) -> str | None:
    """The first size of which the vertical and the horizontal one differ, in words."""
    for name in names:
        vertical, horizontal = getattr(geometry, name)
        if vertical != horizontal:
            return f"has one {name} for both axes, this layer's is {vertical}x{horizontal}"
    return None


PRESETS: Mapping[str, Preset] = {
    "tensorrt": Preset(TENSORRT, _tensorrt_attributes, _tensorrt_refusal),
    "mmdeploy": Preset(MMDEPLOY, _mmdeploy_attributes, _mmdeploy_refusal),
}


@dataclass(frozen=True)
class Custom:
    """A node of another domain, for a run time that has a kernel for it."""

    name: str = "dcn.custom"
    exact: bool = True
    summary: str = "a node of TensorRT's or mmdeploy's DCNv2 plugin, one a layer"
    min_opset: int = 9

    def match(self, module: nn.Module) -> Match:
        """Accept every deformable convolution that is recognised."""
        return match_deform(module, calls=True)

    def replacement(self, module: nn.Module, path: str, context: Context) -> Replacement:
        """Return a module that calls the original one, and in an export emits the plugin's node.

        Raises:
            InputError: an unknown preset, or a layer that its plugin would compute wrongly.
        """
        name = str(context.options.get("custom", DEFAULT_PRESET))
        if name not in PRESETS:
            raise InputError(f"dcn.custom knows {' and '.join(PRESETS)}, got {name!r}")
        preset, layer = PRESETS[name], describe(module)
        if not isinstance(layer, DeformLayer) or replaced_at_calls(module):
            return at_calls(module, self, context)
        reason = preset.refusal(layer.geometry)
        if reason:
            raise InputError(
                f"layer {path!r}: {name}'s plugin {reason}: choose dcn.native or dcn.decomposed "
                "for it"
            )
        return Replacement(CustomDeform(module, layer, preset), note="::".join(preset.operator))

    def at_call(self, call: DeformCall, context: Context) -> Tensor:
        """Return the node in an export, the function's own result otherwise.

        Raises:
            InputError: the plugin would compute the call wrongly.
        """
        if not torch.onnx.is_in_onnx_export():
            return call.function()
        name = str(context.options.get("custom", DEFAULT_PRESET))
        reason = PRESETS[name].refusal(call.geometry)
        if reason:
            raise InputError(f"{name}'s plugin {reason}: choose dcn.native or dcn.decomposed")
        return _emit(call, PRESETS[name])


class CustomDeform(DeformModule):
    """The original layer; a plugin's node while torch.onnx.export runs."""

    original: nn.Module

    def __init__(self, original: nn.Module, layer: DeformLayer, preset: Preset) -> None:
        super().__init__(layer)
        self.preset = preset
        # Not registered as a child: its parameters are this module's own, under the same names.
        object.__setattr__(self, "original", original)

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        """Arguments and result of the original layer."""
        if not torch.onnx.is_in_onnx_export():
            with intercepted(None):
                return cast(Tensor, self.original(*args, **kwargs))
        return _emit(self.called(*args, **kwargs), self.preset)


def _emit(call: DeformCall, preset: Preset) -> Tensor:
    geometry, offset, mask, bias = call.geometry, call.offset, call.mask, call.bias
    deform_groups = geometry.deform_groups_of(offset)
    if mask is None:
        mask = offset[:, : deform_groups * geometry.taps] * 0 + 1
    if bias is None:  # TensorRT-CenterNet's kernel reads one in any case
        bias = call.weight.new_zeros(geometry.out_channels)
    return emit(
        "::".join(preset.operator),
        [call.image, offset, mask, call.weight, bias],
        preset.attributes(geometry, deform_groups),
        geometry.out_channels,
    )


CUSTOM = Custom()
