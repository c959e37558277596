"""Layers that become convolutions are judged by the nodes in their places, and by nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import onnx
import pytest
import torch
from torch import Tensor, nn

from models.layers.dcn import DCN
from postprocess.errors import InputError
from surgery.job.graphs import export_graph
from surgery.job.strategy import Strategy
from surgery.rewrites.dcn import statistics
from surgery.rewrites.fitted import FittedConvolution, Hidden, Window
from surgery.rewrites.operate import rewriting
from surgery.support.ledger import Ledger

from ..conftest import Compose


@dataclass(frozen=True)
class Port:
    """A port of the network."""

    name: str
    shape: tuple[int | str, ...]
    dtype: str = "float32"


class Attending(nn.Module):
    """SiLU, Resize, attention and a clamp beside two deformable layers."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 4, 1), nn.SiLU())
        self.first, self.second = _layer(), _layer()
        self.norm = nn.BatchNorm2d(8)

    def forward(self, image: Tensor) -> Tensor:
        x = self.norm(self.first(self.stem(image))).clamp(-3, 3)
        tokens = x.flatten(2)
        x = (tokens @ (tokens.transpose(1, 2) @ tokens).softmax(-1)).reshape(x.shape)
        return nn.functional.interpolate(self.second(nn.functional.silu(x)), scale_factor=2.0)


def _layer() -> nn.Module:
    made = DCN(8, 8, kernel_size=3, stride=1, padding=1)
    nn.init.normal_(made.conv_offset_mask.weight, std=0.1)
    return made


def _fitted() -> FittedConvolution:
    weight, window = torch.randn(8, 10, 3, 3), Window((3, 3), (1, 1), (1, 1), (1, 1))
    hidden = Hidden(torch.randn(2, 8, 3, 3), torch.zeros(2))
    return FittedConvolution(weight, torch.zeros(8), window, hidden=hidden)


def _export(
    compose: Compose, name: str, exporter: str, *, tampered: bool = False
) -> onnx.ModelProto:
    """The graph of the network under a strategy, as the main job exports and simplifies it."""
    torch.manual_seed(0)
    network, image = Attending().eval(), torch.randn(1, 3, 32, 32)
    backbone: Any = SimpleNamespace(
        name="backbone",
        module=network,
        inputs=(Port("image", (1, 3, "height", "width")),),
        outputs=(Port("map", (1, 8, "y", "x")),),
    )
    model: Any = SimpleNamespace(module=network, graphs=(backbone,), backbone=backbone)
    config = compose(f"surgery.exporter={exporter}", "input.size=32")
    strategy, ledger = Strategy(name, {"*": f"dcn.{name}"}, 18, "asked for"), Ledger()
    fitted = {path: _fitted() for path in ("first", "second")}
    calibration = statistics(network, [image]) if name == "folded" else fitted
    with rewriting(network, strategy.rewrites, opset=18, calibration=calibration, ledger=ledger):
        if tampered:
            network.second = nn.Sequential(network.second, nn.Sigmoid()).eval()
        return export_graph(backbone, model, config, strategy, ledger, image.numpy())


@pytest.mark.parametrize("exporter", ["dynamo", "torchscript"])
@pytest.mark.parametrize("name", ["plain", "folded", "calibrated", "distilled"])
def test_network_with_other_operators_beside_its_layers_is_exported(
    compose: Compose, name: str, exporter: str
) -> None:
    graph = _export(compose, name, exporter)
    operators = {node.op_type for node in graph.graph.node}
    assert {"MatMul", "Softmax", "Resize", "Clip"} <= operators
    assert not {"GridSample", "DeformConv", "Gather"} & operators


def test_a_layer_whose_place_holds_more_than_its_rewrite_promises_is_refused(
    compose: Compose,
) -> None:
    with pytest.raises(InputError, match=r"plain leaves Sigmoid in the place of layer 'second'"):
        _export(compose, "plain", "torchscript", tampered=True)
