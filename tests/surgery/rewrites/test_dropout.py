"""Dropout that is at work, or leaves a node behind."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from postprocess.errors import InputError
from surgery.export.export import export_onnx
from surgery.passes import PASSES
from surgery.rewrites import rewriting

from ..nets import operators

X = torch.randn(1, 3, 4, 4, generator=torch.Generator().manual_seed(0))


def exported(net: nn.Module, exporter: str = "torchscript") -> set[str]:
    model = export_onnx(net, (X,), input_names=["x"], output_names=["y"], exporter=exporter)
    for name in ("fold", "slim"):  # the graph that the passes leave
        model = PASSES.get(name).apply(model)
    return operators(model)


@pytest.fixture
def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.Dropout(0.5), nn.ReLU(), nn.Dropout2d(0.2)).eval()


def test_a_dropout_at_work_stops_the_export_and_then_does_not(net: nn.Sequential) -> None:
    net[1].train()
    with pytest.raises(InputError, match="training mode"):
        exported(net)
    dropout = net[1]
    with rewriting(net, "dropout") as (_, ledger):
        assert exported(net) == {"Conv", "Relu"}
    assert net[1] is dropout
    assert dropout.training
    assert [(e.where, e.exact, e.reason) for e in ledger.fired()] == [
        ("1", False, "it was in training mode"),
        ("3", True, ""),
    ]


def test_in_evaluation_mode_nothing_changes(net: nn.Sequential) -> None:
    expected = net(X)
    with rewriting(net, "dropout"):
        assert torch.equal(net(X), expected)


class DropPath(nn.Module):
    """Called as timm calls it."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.dropout(x, 0.5, self.training)


def test_dropped_branches_are_known_by_the_names_of_their_classes() -> None:
    net = nn.Sequential(DropPath()).eval()
    with rewriting(net, "dropout") as (_, ledger):
        assert torch.equal(net(X), X)
    assert [entry.where for entry in ledger.fired()] == ["0"]
