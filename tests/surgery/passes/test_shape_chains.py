"""Arithmetic on known sizes (Shape, Gather, Concat, Reshape) is folded; kept libraries do it.

There is no pass of ours for it: this guards that constant folding and onnxslim go on doing it.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from surgery.passes import Check, run_passes
from surgery.support.ledger import Ledger

from .. import nets
from .graphs import difference, graph, node, operators, refusals

ARITHMETIC = {"Shape", "Gather", "Unsqueeze", "Concat", "Cast", "Mul", "Div", "ConstantOfShape"}


class Shuffled(nn.Module):
    """Channel shuffle with sizes taken from the tensor, as ShuffleNet and Lite-HRNet have it."""

    def forward(self, image: Tensor) -> Tensor:
        batch, channels, height, width = image.shape
        grouped = image.reshape(batch, 2, channels // 2, height, width).transpose(1, 2)
        return grouped.reshape(batch, channels, height, width).flatten(2)


@pytest.mark.parametrize("exporter", ["dynamo", "torchscript"])
def test_an_exported_network_of_fixed_size_keeps_no_arithmetic_on_sizes(exporter: str) -> None:
    image = torch.randn(1, 4, 6, 8)
    exported = nets.export(Shuffled().eval(), example=image, outputs=("y",), exporter=exporter)
    after = run_passes(exported, ledger=Ledger(), check=Check({"image": image.numpy()}))
    assert not ARITHMETIC & set(operators(after))


def test_a_graph_that_computes_its_sizes_is_refused_before_and_not_after() -> None:
    weights = {"one": [1], "rest": [-1]}
    nodes = [
        node("Shape", "x", "s"),
        node("Gather", "s one", "c"),
        node("Concat", "one c rest", "to", axis=0),
        node("Reshape", "x to"),
    ]
    before = graph(nodes, {"x": [1, 4, 6, 8]}, weights=weights)
    assert "Shape: not among its operators" in refusals(before, "xnnpack")
    after = run_passes(before, ledger=Ledger(), check=Check.random(before))
    assert operators(after) == ["Reshape"]
    assert difference(before, after) == 0
