"""Inputs of a second size, made from the examples, to see whether open axes are open."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import gcd

import torch
from torch import Tensor

Inputs = tuple[Tensor, ...]
Dynamic = Mapping[str, Mapping[int, str]]

STRIDE = 32  # of most backbones: a side that is a multiple stays one


def second_sizes(names: Sequence[str], inputs: Inputs, dynamic: Dynamic) -> Iterator[Inputs]:
    """Yield inputs of other sizes along the axes of ``dynamic``, the preferred ones first.

    Sides of images and feature maps grow by up to a stride, height and width by other steps, the
    batch and what else is counted by one. Then everything doubled, for networks whose inputs depend
    on one another. Values are those of the examples, repeated, so that
    pictures stay pictures and indices stay in range.

    Args:
        names: of ``inputs``.
        inputs: examples.
        dynamic: symbol of each open axis, by input name and axis.
    """
    if any(dynamic.get(name) for name in names):
        yield _resized(names, inputs, dynamic, _stepped(names, inputs, dynamic))
        yield _resized(names, inputs, dynamic, lambda axis, size, symbol: 2 * size)


def described(names: Sequence[str], inputs: Inputs) -> str:
    """The inputs in words: ``image (1,3,64,96)``."""
    shapes = (f"({','.join(map(str, tensor.shape))})" for tensor in inputs)
    return ", ".join(f"{name} {shape}" for name, shape in zip(names, shapes, strict=True))


def _stepped(
    names: Sequence[str], inputs: Inputs, dynamic: Dynamic
) -> Callable[[int, int, str], int]:
    steps: dict[str, int] = {}
    sides = 0
    for name, tensor in zip(names, inputs, strict=True):
        for axis, symbol in sorted(dynamic.get(name, {}).items()):
            if symbol in steps:
                continue
            if tensor.ndim >= 4 and axis >= 2:
                sides += 1
                steps[symbol] = gcd(tensor.shape[axis], STRIDE) * sides
            else:
                steps[symbol] = 1
    return lambda axis, size, symbol: size + steps[symbol]


def _resized(
    names: Sequence[str],
    inputs: Inputs,
    dynamic: Dynamic,
    size_of: Callable[[int, int, str], int],
) -> Inputs:
    made = []
    for name, tensor in zip(names, inputs, strict=True):
        for axis, symbol in sorted(dynamic.get(name, {}).items()):
            size = size_of(axis, tensor.shape[axis], symbol)
            tensor = tensor.index_select(axis, _wrapped(size, tensor.shape[axis], tensor))
        made.append(_told_apart(tensor) if 0 in dynamic.get(name, {}) else tensor)
    return tuple(made)


def _wrapped(size: int, period: int, tensor: Tensor) -> Tensor:
    return torch.arange(size, device=tensor.device) % max(1, period)


def _told_apart(tensor: Tensor) -> Tensor:
    """Images of a batch that differ: repeated, each is shifted by one more pixel."""
    if tensor.ndim < 3 or not tensor.is_floating_point():
        return tensor
    return torch.stack([image.roll(i, -1) for i, image in enumerate(tensor)])
