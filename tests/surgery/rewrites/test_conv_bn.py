"""BatchNorm folded into the convolutions of a live network.

Tolerance: float32 sums of at most 72 products, scaled; 4e-7 measured, relative to the largest.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from postprocess.errors import InputError
from surgery.export.export import export_onnx
from surgery.rewrites import rewriting
from surgery.rewrites.fitted import FittedTensors
from surgery.rewrites.measuring import measured
from surgery.targets.audit import audit
from surgery.targets.registry import load_target

from ..nets import operators, seeded

TOLERANCE = 2e-6


class Net(nn.Module):
    """Pairs in a Sequential and by attribute, a transposed and a grouped one, and BatchNorms that
    no convolution alone feeds."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.bn = nn.BatchNorm2d(8)
        self.conv = nn.Conv2d(8, 8, 3, padding=1, groups=4)
        self.up = nn.ConvTranspose2d(8, 12, 4, stride=2, groups=4)
        self.up_bn = nn.BatchNorm2d(12, affine=False)
        self.split = nn.Conv2d(12, 12, 1)
        self.split_bn = nn.BatchNorm2d(12)
        self.alone = nn.BatchNorm2d(12)

    def forward(self, x: Tensor) -> Tensor:
        x = self.up_bn(self.up(functional.relu(self.bn(self.conv(self.stem(x))))))
        both = self.split(x)
        return self.alone(functional.relu(self.split_bn(both) + both))


@pytest.fixture
def net() -> nn.Module:
    torch.manual_seed(0)
    net = seeded(Net())
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d) and module.affine:
            nn.init.uniform_(module.weight, 0.5, 2)
            nn.init.uniform_(module.bias, -1, 1)
    return net


@pytest.fixture
def x() -> Tensor:
    return torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def nodes(model: nn.Module, x: Tensor) -> set[str]:
    return operators(export_onnx(model, (x,), input_names=["image"], output_names=["y"]))


def test_a_target_refuses_what_the_exporter_writes_and_takes_the_folded(x: Tensor) -> None:
    torch.manual_seed(0)
    pair = seeded(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)))
    target = load_target("coreml")

    def refused() -> list[str]:
        model = export_onnx(pair, (x,), input_names=["image"], output_names=["y"])
        return [each.reason for each in audit(model, target).refused]

    assert refused() == ["not among its operators"]
    with rewriting(pair, "conv_bn", calibration=measured(pair, ["conv_bn"], [x])):
        assert refused() == []


def test_pairs_are_found_however_the_network_is_written(net: nn.Module, x: Tensor) -> None:
    expected = net(x)
    with rewriting(net, "conv_bn", calibration=measured(net, ["conv_bn"], [x])) as (_, ledger):
        found = {entry.where: entry.reason for entry in ledger.fired()}
        assert found == {
            "stem.0": "with stem.1",
            "stem.1": "in stem.0",
            "bn": "in conv",
            "conv": "with bn",
            "up": "with up_bn",
            "up_bn": "in up",
        }
        assert isinstance(net.bn, nn.Identity)
        difference = (net(x) - expected).abs().max() / expected.abs().max()
        assert 0 < difference < TOLERANCE
    assert {entry.where: entry.reason for entry in ledger.declined()} == {
        "split_bn": "no convolution that runs once feeds it and nothing else",
        "alone": "no convolution that runs once feeds it and nothing else",
    }


def test_it_is_undone(net: nn.Module, x: Tensor) -> None:
    before = dict(net.named_modules())
    state = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    with rewriting(net, "conv_bn", calibration=measured(net, ["conv_bn"], [x])):
        pass
    assert dict(net.named_modules()) == before
    assert all(torch.equal(tensor, state[name]) for name, tensor in net.state_dict().items())
    assert not any(module._forward_hooks for module in net.modules())


@pytest.mark.parametrize("calls", ["conv conv bn", "conv bn conv"])
def test_a_convolution_that_runs_twice_is_left_alone(calls: str, x: Tensor) -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.bn = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)

        def forward(self, x: Tensor) -> Tensor:
            for name in calls.split():
                x = getattr(self, name)(x)
            return x

    assert measured(Twice().eval(), ["conv_bn"], [x]) == {}


def test_a_convolution_whose_output_the_network_returns_is_left_alone(x: Tensor) -> None:
    class Returned(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.bn = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)

        def forward(self, x: Tensor) -> dict[str, Tensor]:
            raw = self.conv(x)
            return {"raw": raw, "normalized": self.bn(raw)}

    assert measured(Returned().eval(), ["conv_bn"], [x]) == {}


def test_one_that_normalises_by_the_batch_is_declined(x: Tensor) -> None:
    norm = nn.BatchNorm2d(4, track_running_stats=False)
    net = nn.Sequential(nn.Conv2d(3, 4, 1), norm).eval()
    with rewriting(net, "conv_bn", calibration=measured(net, ["conv_bn"], [x])) as (_, ledger):
        assert net[1] is norm
    assert [e.reason for e in ledger.declined()] == ["it normalises by the batch"]


def test_a_pair_of_which_one_was_fitted_stays(net: nn.Module, x: Tensor) -> None:
    calibration = measured(net, ["conv_bn"], [x])
    calibration["bn"] = FittedTensors({})
    with rewriting(net, "conv_bn", calibration=calibration) as (_, ledger):
        assert {"conv", "bn"}.isdisjoint(entry.where for entry in ledger.fired())
    reasons = {entry.where: entry.reason for entry in ledger.declined()}
    assert reasons["conv"] == "bn has weights that were fitted to images"
    assert reasons["bn"] == "it has weights that were fitted to images"


def test_a_network_must_be_seen_to_run(net: nn.Module) -> None:
    with pytest.raises(InputError, match="conv_bn needs one batch to run the network on, got none"):
        measured(net, ["conv_bn"], [])
