"""Which rewrites have to see a network run, and that the others cost no run."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from postprocess.errors import InputError
from surgery.rewrites import measured
from surgery.rewrites.measuring import measuring


class Counted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.runs = 0

    def forward(self, x: Tensor) -> Tensor:
        self.runs += 1
        return x


def test_rewrites_that_look_at_nothing_are_passed_over() -> None:
    names = ["dropout", "activation.relu6", "function.setitem", "conv_bn", "dcn.plain"]
    assert measuring(names) == ["activation.relu6", "conv_bn"]
    net = Counted()
    assert measured(net, ["dropout", "dcn.plain"], [torch.zeros(1, 3, 4, 4)]) == {}
    assert net.runs == 0


def test_every_batch_is_shown_without_gradients() -> None:
    class Watched(Counted):
        def forward(self, x: Tensor) -> Tensor:
            assert not torch.is_grad_enabled()
            return super().forward(x)

    net = Watched()
    measured(net, ["activation.relu6"], [torch.zeros(1, 3, 4, 4)] * 3)
    assert net.runs == 3


def test_a_rewrite_that_does_not_exist_is_named() -> None:
    with pytest.raises(InputError, match=r"unknown rewrite 'conv_bm'; did you mean 'conv_bn'"):
        measuring(["conv_bm"])
