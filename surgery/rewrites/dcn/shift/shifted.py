"""A deformable layer in Pad, Slice, Mul, Add, Relu and Conv alone, exact for bounded offsets.

With hat(t) = relu(1 - |t|), a bilinear sample at offset (dy, dx) from p is

    sum over whole i, j of  hat(dy - i) * hat(dx - j) * x(p + (i, j)),

zero outside the image since x is padded with zeros. :mod:`.reach` says which (i, j) a tap needs.
What keeps the cost down:

- Hats are made for all taps at once, from steps c_i = clamp(t - i, 0, 1) over a span l to h:
  hat_l = 1 - c_l, hat_i = c_(i-1) - c_i, hat_h = c_(h-1). So offsets beyond the span read at its
  border, and nothing cancels however large they are.
- Hats are separable: the longer axis is summed first, then its sums over the shorter one. The mask
  goes into the hats of the latter.
- Displaced images are shared by all taps, since tap and displacement add up to one shift.
- A layer that narrows convolves first, tap by tap, and samples the fewer channels.
- The last convolution adds the bias and multiplies by one: a BatchNorm behind it folds into it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from postprocess.errors import InputError

from ...base import Context, Match, Replacement
from ...traits import Traits
from ..deform_layer import DeformLayer
from ..layer import DeformModule, described, match_deform
from ..statistics import OffsetStatistics
from .reach import Reach, reach_of, square_reach
from .sums import ShiftedSums
from .sums_node import emit_sums, sizes_of

MAX_RADIUS = 8
TRAITS = Traits(("Pad", "Slice", "Mul", "Add", "Relu", "Conv"), speed=30, offsets=True)


@dataclass(frozen=True)
class Shifted:
    """Sums of shifted images; see ``context.options`` in :meth:`replacement`."""

    name: str = "dcn.shifted"
    exact: bool = False
    summary: str = "sums of shifted images (Pad, Slice, Mul, Add, Relu, Conv), for bounded offsets"
    min_opset: int = 9
    traits: Traits = TRAITS

    def match(self, module: nn.Module) -> Match:
        """Accept every deformable convolution that is recognised."""
        return match_deform(module)

    def replacement(self, module: nn.Module, path: str, context: Context) -> Replacement:
        """Return the sums; the ledger gets the radius and the share of samples beyond the spans.

        Options:
            max_radius: pixels that no tap reaches beyond, 1 to 15, default ``MAX_RADIUS``.
            beyond: share of the layer's samples that the spans may leave out, default 0.
            radius: pixels that every tap reaches in each direction, whatever was seen.
            deferred: whether an export holds one node in the layer's place, which
                :func:`.sums_node.expand` replaces later. The exporters take minutes otherwise.

        Raises:
            InputError: no counted offsets of this layer in ``context.calibration`` and no radius;
                an option out of range.
        """
        layer = described(module)
        reach = _reach(layer, path, context)
        made = ShiftedDeform(layer, reach, bool(context.options.get("deferred", False)))
        effect = {"radius": float(reach.radius), "displacements": float(reach.displacements)}
        note = f"radius {reach.radius}, {reach.displacements} displacements"
        if reach.beyond is not None:
            effect["beyond"] = reach.beyond
            note += f", {reach.beyond:.2g} of the samples seen lie beyond and are moved inside"
        return Replacement(made, note=note, effect=effect)


def _reach(layer: DeformLayer, path: str, context: Context) -> Reach:
    options, found = context.options, context.calibration.get(OffsetStatistics, path)
    if options.get("radius") is not None:
        return square_reach(layer.geometry, int(options["radius"]), found)
    if found is None:
        raise InputError(
            f"dcn.shifted needs the offset statistics of layer {path!r}, got "
            f"{context.calibration.types_at(path)}: pass "
            "calibration=statistics(model, images), or options={'radius': PIXELS}"
        )
    limit = int(options.get("max_radius", MAX_RADIUS))
    return reach_of(found, limit, float(options.get("beyond", 0.0)))


class ShiftedDeform(DeformModule):
    """Deformable convolution as sums of shifted images, for inference.

    Weights are copied tap by tap when it is made; later changes of ``weight`` do not reach them.
    """

    def __init__(self, layer: DeformLayer, reach: Reach, deferred: bool) -> None:
        super().__init__(layer)
        self.deferred = deferred
        self.sums = ShiftedSums(sizes_of(layer, reach.spans), layer.weight, layer.bias)

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        """Arguments and result of the layer that it replaces."""
        layer = self.deform_layer
        if layer.offset_convolution is None:
            image, offset, mask = layer.sampling(*args, **kwargs)
        else:
            image, mask = args[0] if args else kwargs[layer.arguments[0]], None
            offset = layer.offset_convolution(image)
        if self.deferred and torch.onnx.is_in_onnx_export():
            return emit_sums(self.sums.sizes, image, offset, mask, self.weight, self.bias)
        result: Tensor = self.sums(image, offset, mask)
        return result


SHIFTED = Shifted()
