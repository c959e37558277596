"""What a model says about the graphs that are exported from it."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class Port:
    """One named input or output; a string in `shape` is the symbol of a dynamic axis."""

    name: str
    shape: tuple[int | str, ...]
    dtype: str = "float32"


@dataclass(frozen=True)
class Graph:
    """One ONNX file: `module(*inputs)` returns a tuple in the order of `outputs`.

    stride_multiple: height and width of an image input must be multiples of it.
    """

    name: str
    module: nn.Module
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    stride_multiple: int = 32
