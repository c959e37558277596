"""What is asked of an exporter, and the table of those that exist."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import onnx
from torch import Tensor, nn

from ..symbolics.base import Symbolic


@dataclass(frozen=True)
class Request:
    """One graph to export.

    Attributes:
        module: in eval mode; takes ``inputs`` in order, returns a tensor or a tuple of tensors.
        dynamic: symbol of each dynamic axis, by input or output name and axis.
        opset: of the ``ai.onnx`` domain, as the exporter itself should write it.
        symbolics: operators' translations for either exporter.
    """

    module: nn.Module
    inputs: tuple[Tensor, ...]
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]
    dynamic: Mapping[str, Mapping[int, str]]
    opset: int
    symbolics: tuple[Symbolic, ...] = ()


@dataclass(frozen=True)
class Exporter:
    """A way from a module to a graph.

    Attributes:
        opsets: those that it writes itself; others are converted to and from.
        export: module paths are left in ``surgery.module`` of the nodes, names and shapes raw.
        trusted_shapes: whether sizes that it states for outputs hold for every input size.
    """

    name: str
    opsets: range
    export: Callable[[Request], onnx.ModelProto]
    trusted_shapes: bool
