"""What stands in for what an older torch does not have does the same."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from postprocess.errors import InputError
from surgery import export_onnx
from surgery.support import torch_compat


def scaled(input: Tensor, by: float, times: int, negative: bool) -> Tensor:
    """An operator of every type of argument that ours have."""
    return input * by * times * (-1 if negative else 1)


def test_an_operator_without_custom_op_is_called_and_seen_by_the_tracer() -> None:
    operator = torch_compat.Operator("surgery_tests::scaled", scaled)
    x = torch.ones(2)
    assert torch.equal(operator(x, 0.5, 2, True), -x)
    traced = torch.jit.trace(lambda x: operator(x, 0.5, 2, True), x)  # type: ignore[no-untyped-call]
    assert "surgery_tests::scaled" in str(traced.graph)


def test_without_dynamo_the_torchscript_exporter_is_the_default_and_the_line_says_since_when(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch_compat, "RELEASE", (2, 4))
    net, x = nn.Conv2d(3, 2, 1).eval(), torch.ones(1, 3, 4, 4)
    model = export_onnx(net, (x,), input_names=["x"], output_names=["y"])
    assert {e.key: e.value for e in model.metadata_props}["surgery.exporter"] == "torchscript"
    with pytest.raises(InputError, match=r"needs torch 2\.9 .*try surgery.exporter=torchscript"):
        export_onnx(net, (x,), input_names=["x"], output_names=["y"], exporter="dynamo")
