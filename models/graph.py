"""What a model says about the graphs that are exported from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from torch import nn


@dataclass(frozen=True)
class Port:
    """One named input or output; a string in `shape` is the symbol of a dynamic axis.

    kind: of an output: "logits" for a heatmap of classes before the sigmoid, else "values".
    counts_at: name of the "logits" output at whose peaks alone this one is read, if it is so.
    """

    name: str
    shape: tuple[int | str, ...]
    dtype: str = "float32"
    kind: Literal["values", "logits"] = "values"
    counts_at: str | None = None


@dataclass(frozen=True)
class Graph:
    """One ONNX file: `module(*inputs)` returns a tuple in the order of `outputs`."""

    name: str
    module: nn.Module
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]


def centre_ports(widths: Mapping[str, int], heatmap: str = "ct_hm") -> tuple[Port, ...]:
    """Outputs of a backbone that finds objects by their centres (Zhou et al., 2019).

    widths: channels by name; the one named as `heatmap` holds the centres, before the sigmoid;
    `feature` is read all over the map, every other output at the centres alone.
    """
    sides = ("feature_height", "feature_width")
    return tuple(
        Port(
            name,
            ("batch", width, *sides),
            kind="logits" if name == heatmap else "values",
            counts_at=None if name in (heatmap, "feature") else heatmap,
        )
        for name, width in widths.items()
    )
