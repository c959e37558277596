"""GroupNorm in Reshape, ReduceMean, Sub, Mul, Add, Sqrt and Div.

Both exporters write GroupNorm as InstanceNormalization on a reshaped tensor, dynamo from opset 21
on as GroupNormalization. NNAPI and XNNPACK have neither; ncnn, WebGPU and WebNN lack the latter.
Under dynamo with open heights and widths, the export fails today: the reshaped tensor has no known
shape ("Field 'shape' of 'type' is required but missing").

Wu and He, "Group Normalization" (2018), equations 1, 2 and 6: the channels of a group and all
pixels share a mean and a variance. Here (N, C, ...) becomes (N, groups, -1), is normalised over its
last axis and gets its shape back. The same to float rounding.
"""

from __future__ import annotations

from dataclasses import dataclass

from postprocess.errors import InputError

from .base import Nodes, Value
from .moments import affine_by_channel, normalized
from .shapes import like


@dataclass(frozen=True)
class _GroupNorm:
    name: str = "group_norm.decomposed"
    summary: str = "GroupNorm without GroupNormalization and InstanceNormalization"
    operators: tuple[str, ...] = ("aten::group_norm",)
    arguments: tuple[str, ...] = ("v", "i", "v", "v", "f", "b")
    opsets: range = range(11, 24)
    exact: bool = True

    def translate(
        self,
        nodes: Nodes,
        x: Value,
        groups: int,
        weight: Value | None,
        bias: Value | None,
        epsilon: float,
        cudnn: bool,
    ) -> Value:
        """Normalise x (N, C, ...) over the channels of each group and the pixels."""
        rank = nodes.rank(x)
        if rank is None:
            raise InputError("group_norm is not written for a tensor of unknown rank: skip it")
        grouped = nodes.op("Reshape", x, nodes.constant([0, groups, -1]))
        back = like(nodes, normalized(nodes, grouped, [2], epsilon), x)
        return affine_by_channel(nodes, back, weight, bias, rank)


DECOMPOSED = _GroupNorm()
