"""Weights from a file that names nothing as the network does: matched along the graph.

Exported graphs (ncnn, paddle2onnx) call their weights after operators, otherwise in every version.
What they keep is the order of execution and the wiring.  So the convolutions of the file and those
of the network, traced, are paired in order, and each pair must agree in the shape of its kernel,
its stride and groups, and in which convolutions feed it; only then is anything loaded.

BatchNorm is often folded into the convolution before it.  The network keeps its BatchNorm then,
with statistics that make it add the folded bias and do nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, fx, nn

from ..errors import CheckpointError

Array = NDArray[np.float32]


@dataclass(frozen=True)
class FoundNorm:
    """BatchNorm as found, each array (channels,)."""

    weight: Array
    bias: Array
    mean: Array
    variance: Array
    eps: float


@dataclass(frozen=True)
class FoundConv:
    """A convolution as found in a graph.

    weight: (out, in / groups, kh, kw).  bias: (out,) or None.  norm: the BatchNorm right after it,
    or None.  stride: (y, x).  feeds: indices, in the file's order, of the convolutions that its
    input comes from without another convolution between.
    """

    name: str
    weight: Array
    bias: Array | None
    norm: FoundNorm | None
    stride: tuple[int, int]
    groups: int
    feeds: frozenset[int]


@dataclass(frozen=True)
class _OwnConv:
    path: str
    module: nn.Conv2d
    norm_path: str | None
    feeds: frozenset[int]


def load_convolutions(module: nn.Module, found: Sequence[FoundConv], path: str | Path) -> None:
    """Load a network whose only weights are 2-D convolutions and BatchNorm from a found graph.

    Raises CheckpointError where the graph is not that of the network; nothing is loaded then.
    """
    own = _trace(module)
    if len(own) != len(found):
        raise CheckpointError(
            f"{path}: {len(found)} convolutions, but {type(module).__name__} has {len(own)}: "
            "is this another network, or a part of one?"
        )
    state: dict[str, Tensor] = {}
    for number, (ours, theirs) in enumerate(zip(own, found, strict=True)):
        _check(number, ours, theirs, path)
        state |= _values(module, ours, theirs, path)
    module.load_state_dict(state, strict=False)


def _trace(module: nn.Module) -> list[_OwnConv]:
    """The network's convolutions in order of execution."""
    modules = dict(module.named_modules())
    convs: list[_OwnConv] = []
    sources: dict[fx.Node, frozenset[int]] = {}
    for node in fx.symbolic_trace(module).graph.nodes:
        feeds = frozenset[int]().union(*(sources[each] for each in node.all_input_nodes))
        layer = modules.get(node.target) if node.op == "call_module" else None
        if isinstance(layer, nn.Conv2d):
            sources[node] = frozenset({len(convs)})
            users = [each.target for each in node.users if each.op == "call_module"]
            norms = [name for name in users if isinstance(modules[name], nn.BatchNorm2d)]
            convs.append(_OwnConv(node.target, layer, norms[0] if norms else None, feeds))
        else:
            is_shape = node.target is getattr  # sizes carry no values
            sources[node] = frozenset() if is_shape else feeds
    return convs


def _check(number: int, ours: _OwnConv, theirs: FoundConv, path: str | Path) -> None:
    conv = ours.module
    expected = (tuple(conv.weight.shape), conv.stride, conv.groups, sorted(ours.feeds))
    got = (theirs.weight.shape, theirs.stride, theirs.groups, sorted(theirs.feeds))
    words = ("weights of shape", "stride", "groups", "input from the convolutions")
    for word, wanted, value in zip(words, expected, got, strict=True):
        if wanted != value:
            raise CheckpointError(
                f"{path}: convolution {number} ({theirs.name}) has {word} {value}, but "
                f"{ours.path} expects {wanted}: is this another network?"
            )


def _values(
    module: nn.Module, ours: _OwnConv, theirs: FoundConv, path: str | Path
) -> Mapping[str, Tensor]:
    values = {f"{ours.path}.weight": theirs.weight}
    bias = np.zeros(len(theirs.weight), np.float32) if theirs.bias is None else theirs.bias
    norm = theirs.norm
    if ours.norm_path is not None:
        layer = module.get_submodule(ours.norm_path)
        assert isinstance(layer, nn.BatchNorm2d)
        norm = norm or _as_norm(bias)
        if theirs.norm is not None:
            norm = FoundNorm(norm.weight, norm.bias, norm.mean - bias, norm.variance, norm.eps)
        values |= {
            f"{ours.norm_path}.weight": norm.weight,
            f"{ours.norm_path}.bias": norm.bias,
            f"{ours.norm_path}.running_mean": norm.mean,
            f"{ours.norm_path}.running_var": norm.variance + np.float32(norm.eps - layer.eps),
        }
    elif norm is not None or ours.module.bias is None:
        raise CheckpointError(
            f"{path}: {theirs.name} is {'' if norm else 'not '}followed by a BatchNorm, unlike "
            f"{ours.path}: is this another network?"
        )
    else:
        values[f"{ours.path}.bias"] = bias
    return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in values.items()}


def _as_norm(bias: Array) -> FoundNorm:
    """BatchNorm that adds a bias: its variance and eps sum to one."""
    ones = np.ones_like(bias)
    return FoundNorm(ones, bias, np.zeros_like(bias), ones, eps=0.0)
