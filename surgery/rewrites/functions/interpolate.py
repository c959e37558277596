"""``interpolate`` to a size, with the size frozen: as a scale where it is a plain multiple.

A network that upsamples "to the size of the other feature map" asks for
``interpolate(x, size=y.shape[2:])``. Both exporters then write the size as a tensor: Shape of the
input, Slice, Concat with the two numbers, Resize. Where an axis is open, if only the batch, nothing
folds that away, and targets without Shape refuse the graph (``Shape: not in the list of NNAPI``; so
do ncnn, QNN and XNNPACK). With open heights and widths, the TorchScript exporter adds a Gather and
an Unsqueeze for each side.

The stand-in divides the sizes that it sees while exporting. A ratio that is a binary fraction (2,
4, 1/2, 3/2) becomes ``scale_factor``, and Resize gets constant scales: no Shape, and no size in the
graph at all, so that it holds for every input at which the ratio stays the same, multiples of the
network's stride. Other ratios become constant sizes. ``nearest-exact`` by a whole factor k is
``nearest``, since floor((i + 1/2) / k) = floor(i / k) for whole i and k; TorchScript has no form of
its own for it, and dynamo writes GatherND.

Exact: torch computes both forms by the same formulas (ATen/native/UpSample.h), where the scale is
the ratio of the sizes.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from torch import SymInt, Tensor

from .base import Original, patch

BY_SCALE = ("nearest", "linear", "bilinear", "bicubic", "trilinear", "nearest-exact")


@patch(
    "torch.nn.functional.interpolate",
    name="function.interpolate",
    summary="interpolate to a size as constant scales, or constant sizes",
)
def INTERPOLATE(
    original: Original[..., Tensor],
    input: Tensor,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """Arguments and result of :func:`torch.nn.functional.interpolate`."""
    given = (size, scale_factor, mode, align_corners, recompute_scale_factor, antialias)
    sides = input.shape[2:]
    if size is None:
        if mode != "nearest-exact":
            original.decline("it is by a scale already")
            return original(input, *given)
        factors = _each(scale_factor, sides)
        size = [int(side * factor) for side, factor in zip(sides, factors, strict=True)]
    if any(isinstance(side, SymInt) for side in (*sides, *_each(size, sides))):
        original.decline("a size is a symbol of the exporter's: fix input.size")
        return original(input, *given)
    wanted = [int(side) for side in _each(size, sides)]
    ratios = [Fraction(new, int(old)) for new, old in zip(wanted, sides, strict=True)]
    if mode not in BY_SCALE or antialias or not all(_binary(ratio) for ratio in ratios):
        return original(input, wanted, None, mode, align_corners, None, antialias)
    if mode == "nearest-exact":
        if any(ratio.denominator > 1 for ratio in ratios):
            original.decline("nearest-exact is nearest for whole factors alone")
            return original(input, *given)
        mode = "nearest"
    scales = [float(ratio) for ratio in ratios]
    return original(input, None, scales, mode, align_corners, False)


def _each(value: float | Sequence[float] | None, sides: Sequence[int]) -> Sequence[float]:
    """One for each spatial axis."""
    assert value is not None  # torch wants one of size and scale_factor
    return value if isinstance(value, Sequence) else [value] * len(sides)


def _binary(ratio: Fraction) -> bool:
    """Whether float32 holds the ratio exactly: other scales may give a size that is one off."""
    return ratio.denominator & (ratio.denominator - 1) == 0
