"""LayerNorm in ReduceMean, Sub, Mul, Add, Sqrt and Div.

From opset 17 on, both exporters write LayerNormalization, which NNAPI and XNNPACK do not have: each
block of a transformer is cut into pieces there. Below 17 the TorchScript exporter writes ordinary
operators itself, with Pow among them.

Ba, Kiros and Hinton, "Layer Normalization" (2016), equations 3 and 4, over the last axes, with the
biased variance of torch: (x - mean) / sqrt(variance + epsilon) * weight + bias. The same to float
rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .base import Nodes, Value
from .moments import affine, normalized


@dataclass(frozen=True)
class _LayerNorm:
    name: str = "layer_norm.decomposed"
    summary: str = "LayerNorm without LayerNormalization"
    operators: tuple[str, ...] = ("aten::layer_norm",)
    arguments: tuple[str, ...] = ("v", "is", "v", "v", "f", "b")
    opsets: range = range(11, 24)
    exact: bool = True

    def translate(
        self,
        nodes: Nodes,
        x: Value,
        shape: Sequence[int],
        weight: Value | None,
        bias: Value | None,
        epsilon: float,
        cudnn: bool,
    ) -> Value:
        """Normalise over the last axes, as many as ``shape`` has."""
        axes = range(-len(shape), 0)
        return affine(nodes, normalized(nodes, x, axes, epsilon), weight, bias)


DECOMPOSED = _LayerNorm()
