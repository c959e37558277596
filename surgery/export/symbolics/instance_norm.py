"""InstanceNorm in ReduceMean, Sub, Mul, Add, Sqrt and Div.

Both exporters write InstanceNormalization, which NNAPI and XNNPACK do not have: each such layer
splits the graph there.

Ulyanov, Vedaldi and Lempitsky, "Instance Normalization" (2016), equation 2: each channel of each
image by its own mean and variance over the pixels; with tracked statistics (``use_input_stats``
off) by those, as BatchNorm. The same to float rounding.
"""

from __future__ import annotations

from dataclasses import dataclass

from postprocess.errors import InputError

from .base import Nodes, Value
from .moments import affine_by_channel, normalized, per_channel


@dataclass(frozen=True)
class _InstanceNorm:
    name: str = "instance_norm.decomposed"
    summary: str = "InstanceNorm without InstanceNormalization"
    operators: tuple[str, ...] = ("aten::instance_norm",)
    arguments: tuple[str, ...] = ("v", "v", "v", "v", "v", "b", "f", "f", "b")
    opsets: range = range(11, 24)
    exact: bool = True

    def translate(
        self,
        nodes: Nodes,
        x: Value,
        weight: Value | None,
        bias: Value | None,
        mean: Value | None,
        variance: Value | None,
        own_statistics: bool,
        momentum: float,
        epsilon: float,
        cudnn: bool,
    ) -> Value:
        """Normalise each channel of x (N, C, ...) over its pixels."""
        op, rank = nodes.op, nodes.rank(x)
        if rank is None:
            raise InputError("instance_norm is not written for a tensor of unknown rank: skip it")
        if own_statistics:
            y = normalized(nodes, x, range(2, rank), epsilon)
        else:
            root = op("Sqrt", op("Add", variance, nodes.constant(epsilon, x)))
            centred = op("Sub", x, per_channel(nodes, mean, rank))
            y = op("Div", centred, per_channel(nodes, root, rank))
        return affine_by_channel(nodes, y, weight, bias, rank)


DECOMPOSED = _InstanceNorm()
