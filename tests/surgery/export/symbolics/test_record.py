"""The ledger says which symbolics wrote nodes of a graph, and why an asked-for one did not."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from surgery.export.export import export_onnx
from surgery.export.symbolics import DEFAULT, SYMBOLICS
from surgery.export.symbolics.record import KEY, entries

OPSET = 13


@pytest.fixture(scope="module", params=["dynamo", "torchscript"])
def used(request: pytest.FixtureRequest) -> str:
    """What the metadata of an exported Hardswish says."""
    net = nn.Sequential(nn.Conv2d(3, 8, 1), nn.Hardswish()).eval()
    model = export_onnx(
        net,
        (torch.zeros(1, 3, 4, 4),),
        input_names=["x"],
        output_names=["y"],
        opset=OPSET,
        exporter=request.param,
    )
    return {entry.key: entry.value for entry in model.metadata_props}[KEY]


def test_symbolic_that_wrote_nodes_is_in_the_metadata_and_the_ledger(used: str) -> None:
    assert used == "hardswish"
    (line,) = entries(DEFAULT, used.split(","), "backbone", OPSET)
    assert (line.kind, line.name, line.where, line.fired) == (
        *("symbolic", "hardswish", "backbone"),
        True,
    )


def test_symbolic_that_was_asked_for_in_vain_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("surgery.export.symbolics.record.DEFAULT", ())
    uncalled, newer = (next(entries(["mish"], [], "g", opset)) for opset in (13, 20))
    operator = SYMBOLICS.get("mish").operators[0]
    assert not uncalled.fired
    assert uncalled.reason == f"the network does not call {operator}"
    assert newer.reason == "for opset 11 to 17, the graph is of 20"
