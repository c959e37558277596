"""Channel shuffle in Reshape and Transpose of four axes.

The TorchScript exporter has no form for ``torch.nn.ChannelShuffle`` ("Exporting the operator
'aten::channel_shuffle' to ONNX opset version 18 is not supported"); dynamo writes one in five axes.

Zhang et al., "ShuffleNet" (2018), section 3.1: channels (groups, C / groups) are transposed. Height
and width stay together in one axis meanwhile. Exact: values are only moved. Open sizes stay open,
at the cost of a Shape where more than one is.
"""

from __future__ import annotations

from dataclasses import dataclass

from .base import Nodes, Value
from .shapes import known_channels, like


@dataclass(frozen=True)
class _ChannelShuffle:
    name: str = "channel_shuffle"
    summary: str = "channel shuffle in four axes"
    operators: tuple[str, ...] = ("aten::channel_shuffle",)
    arguments: tuple[str, ...] = ("v", "i")
    opsets: range = range(11, 24)
    exact: bool = True

    def translate(self, nodes: Nodes, x: Value, groups: int) -> Value:
        """x (N, C, H, W) -> the same shape."""
        channels = known_channels(nodes, x, self.name)
        grouped = nodes.constant([0, groups, channels // groups, -1])
        shuffled = nodes.op("Transpose", nodes.op("Reshape", x, grouped), perm=[0, 2, 1, 3])
        return like(nodes, shuffled, x)


CHANNEL_SHUFFLE = _ChannelShuffle()
