"""Assignment into a part of a tensor as Slice and Concat; by a mask, as Where.

``y[:, 0] = a`` in a ``forward`` becomes ScatterND under the TorchScript exporter, and ScatterND or
ScatterElements amid Transposes under dynamo, on top of a grid of indices. Core ML, ncnn, NNAPI and
XNNPACK refuse both operators, which splits the graph. ``y[y < 0] = 0.5`` becomes NonZero and
ScatterND under dynamo: a tensor whose size depends on the data in the middle of the network.

The stand-in for ``torch.Tensor.__setitem__`` builds the whole new tensor and puts it in the old
one's place:

    y[:, a:b] = v      concatenate y[:, :a], v and y[:, b:]; axis by axis where there are several
    y[..., a:b:s] = v  concatenate y and v, then Gather with constant indices
    y[mask] = number   where(mask, number, y)

Exact: no value is computed, only moved. Left to the original, with a line in the ledger: indices
that are tensors of numbers, a mask with as many values as it picks, a view (its base has to change
with it), a part of an axis whose size is the exporter's symbol, steps under TorchScript (which does
not say whether the axis is open).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import SymInt, Tensor

from ...support.torch_compat import is_exporting
from .base import Original, patch


class _Declined(Exception):
    """Why the assignment is left to the original."""


@patch(
    "torch.Tensor.__setitem__",
    name="function.setitem",
    summary="assignment into a part of a tensor as Slice and Concat, or Where",
)
def SETITEM(original: Original[..., None], x: Tensor, index: Any, value: Any) -> None:
    """Arguments of ``x[index] = value``."""
    try:
        made = _assigned(x, index, value)
    except _Declined as reason:
        original.decline(str(reason))
        original(x, index, value)
        return
    if _torchscript():  # it has no copy_
        x.zero_().add_(made)
    else:
        x.copy_(made)


def _torchscript() -> bool:
    """Whether the exporter that traces to TorchScript is at work."""
    return torch.onnx.is_in_onnx_export() and not is_exporting()


def _assigned(x: Tensor, index: Any, value: Any) -> Tensor:
    """What ``x`` is after ``x[index] = value``."""
    if x._is_view():
        raise _Declined("it assigns into a view")
    if _torchscript() and x.dtype == torch.bool:
        raise _Declined("the TorchScript exporter cannot overwrite a boolean tensor")
    if isinstance(index, Tensor) and index.dtype == torch.bool and index.ndim:
        return _masked(x, index, value)
    parts = _per_axis(index if isinstance(index, tuple) else (index,), x.ndim)
    slices = [_slice(part, size) for part, size in zip(parts, x.shape, strict=True)]
    numbers = [axis for axis, part in enumerate(parts) if isinstance(part, int)]
    return _written(x, slices, _fitted(value, x[tuple(slices)], numbers), 0)


def _masked(x: Tensor, mask: Tensor, value: Any) -> Tensor:
    if isinstance(value, Tensor) and value.ndim:
        raise _Declined("a mask picks as many values as the data says")
    for _ in range(x.ndim - mask.ndim):
        mask = mask.unsqueeze(-1)
    return torch.where(mask, value, x).to(x.dtype)


def _per_axis(index: tuple[Any, ...], ndim: int) -> list[int | slice]:
    """What is taken of each axis, an ellipsis and axes that are not mentioned written out."""
    places = [i for i, part in enumerate(index) if part is Ellipsis]
    named = len(index) - len(places)
    if len(places) > 1 or named > ndim:
        raise _Declined("torch itself refuses it")
    if not all(part is Ellipsis or type(part) in (int, slice) for part in index):
        raise _Declined("it is indexed by more than numbers and slices")
    at = places[0] if places else len(index)
    return [*index[:at], *[slice(None)] * (ndim - named), *index[at + 1 :]]


def _slice(part: int | slice, size: Any) -> slice:
    """``part`` without what slices may leave out; bounds count from the end where they did."""
    if part == slice(None):
        return slice(None)
    if isinstance(size, SymInt):
        raise _Declined("it takes a part of an axis whose size is the exporter's symbol")
    if isinstance(part, int):
        return slice(part, part + 1 if part != -1 else None, 1)
    first, last, step = part.indices(int(size))
    if step > 1 and _torchscript():
        raise _Declined("it takes steps along an axis")
    if first >= last:
        raise _Declined("it assigns to nothing")
    return slice(None if first == 0 else part.start, None if last == size else part.stop, step)


def _fitted(value: Any, region: Tensor, numbers: Sequence[int]) -> Tensor:
    """``value`` in the type and shape of ``region``, which keeps the axes picked from."""
    if not isinstance(value, Tensor):
        return torch.full_like(region, value)
    while value.ndim > region.ndim - len(numbers):  # torch lets leading axes of one pass
        value = value.squeeze(0)
    while value.ndim < region.ndim - len(numbers):
        value = value.unsqueeze(0)
    for axis in numbers:
        value = value.unsqueeze(axis)
    fitted: Tensor = value.to(region.dtype).expand_as(region)
    return fitted


def _written(x: Tensor, slices: Sequence[slice], value: Tensor, axis: int) -> Tensor:
    """``x`` with ``value`` at ``slices``, from ``axis`` on."""
    if axis == x.ndim:
        return value
    part = slices[axis]
    if part == slice(None):
        return _written(x, slices, value, axis + 1)
    before = (slice(None),) * axis
    middle = _written(x[(*before, part)], slices, value, axis + 1)
    if part.step > 1:
        size = x.shape[axis]
        order = list(range(size))
        for place, i in enumerate(range(*part.indices(size))):
            order[i] = size + place
        both = torch.cat([x, middle], axis)
        return both.index_select(axis, torch.tensor(order, device=x.device))
    pieces = [middle]
    if part.start is not None:
        pieces.insert(0, x[(*before, slice(None, part.start))])
    if part.stop is not None:
        pieces.append(x[(*before, slice(part.stop, None))])
    return torch.cat(pieces, axis) if len(pieces) > 1 else middle
