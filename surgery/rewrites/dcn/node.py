"""One ONNX node of another domain in a layer's place, by both exporters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from ...support.torch_compat import is_exporting

Attributes = Mapping[str, int | Sequence[int]]


def emit(operator: str, inputs: Sequence[Tensor], attributes: Attributes, channels: int) -> Tensor:
    """Return what stands for the node's output while ``torch.onnx.export`` runs.

    Args:
        operator: ``domain::name``; the graph imports version 1 of the domain.
        inputs: in the node's order: image, offset (N, 2 * g * taps, rows, columns), others.
        attributes: integers and lists of them.
        channels: of the output, which has the image's type and the offset's rows and columns.
    """
    if is_exporting():
        image, offset = inputs[:2]
        shape = (image.shape[0], channels, offset.shape[2], offset.shape[3])
        return torch.onnx.ops.symbolic(
            operator, inputs, dict(attributes), dtype=image.dtype, shape=shape, version=1
        )
    trace = cast(Callable[..., Tensor], _Node.apply)
    return trace(_Spec(operator, attributes, channels), *inputs)


@dataclass(frozen=True)
class _Spec:
    """What is no tensor, in one object: the tracer would look into tuples and mappings."""

    operator: str
    attributes: Attributes
    channels: int


class _Node(torch.autograd.Function):
    """The node for the TorchScript exporter, which traces.

    The trace needs a tensor of the right shape and none of its values.
    """

    @staticmethod
    def forward(ctx: Any, spec: _Spec, *inputs: Tensor) -> Tensor:
        image, offset = inputs[:2]
        return image.new_zeros(image.shape[0], spec.channels, *offset.shape[2:])

    @staticmethod
    def symbolic(g: Any, spec: _Spec, *inputs: Any) -> Any:
        attributes = {f"{name}_i": value for name, value in spec.attributes.items()}
        output = g.op(spec.operator, *inputs, **attributes)
        output.setType(inputs[0].type().with_sizes([None, spec.channels, None, None]))
        return output
