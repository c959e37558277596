"""Calls of torch.nn.functional.dropout that drop in evaluation mode as well."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from postprocess.errors import InputError
from surgery.export.export import export_onnx
from surgery.graph.run import run
from surgery.passes import Check, run_passes
from surgery.rewrites import rewriting
from surgery.support.ledger import Ledger

X = torch.randn(1, 3, 4, 4, generator=torch.Generator().manual_seed(0))


class Forgot(nn.Module):
    """Drops in evaluation mode as well."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(functional.dropout(self.conv(x), 0.5))


@pytest.mark.parametrize("exporter", ["dynamo", "torchscript"])
def test_a_call_that_forgot_the_mode_leaves_a_random_node_and_then_none(exporter: str) -> None:
    net = Forgot().eval()
    options: dict[str, Any] = {"input_names": ["x"], "output_names": ["y"], "exporter": exporter}
    with pytest.raises(InputError, match="something else at each call"):
        export_onnx(net, (X,), **options)
    model = export_onnx(net, (X,), **options, verify=False)
    first, again = (run(model, {"x": X.numpy()})["y"] for _ in range(2))
    assert not np.array_equal(first, again)
    ledger = Ledger()
    run_passes(model, ledger=ledger, check=Check.random(model), order=("slim",))
    assert not ledger.fired()  # what it leaves differs, since the graph differs from itself
    with rewriting(net, "function.dropout") as (operated, done):
        model = export_onnx(net, (X,), input_names=["x"], output_names=["y"], exporter=exporter)
        assert {node.op_type for node in model.graph.node} == {"Conv", "Relu"}
        assert torch.equal(operated(X), functional.relu(net.conv(X)))
    (entry,) = done.entries
    assert entry.fired
    assert not entry.exact  # what was there is random
