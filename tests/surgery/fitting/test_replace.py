"""Any module that maps image-like tensors to one is replaced by a fitted convolution on request."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from postprocess.errors import InputError
from surgery import fit
from surgery.rewrites.dcn import expose
from surgery.rewrites.dcn.whole import Whole


class Attention(nn.Module):
    """Weighs its input by what another one gives; close to linear on what it sees."""

    def __init__(self) -> None:
        super().__init__()
        self.value, self.gate = nn.Conv2d(6, 4, 3, 2, 1), nn.Conv2d(4, 4, 1)

    def forward(self, features: Tensor, *, guide: Tensor) -> Tensor:
        gate = 1 + 0.01 * self.gate(F.avg_pool2d(guide, 2)).tanh()
        return self.value(features) * gate


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.guide = nn.Conv2d(3, 6, 3, 1, 1), nn.Conv2d(3, 4, 1)
        self.neck = nn.ModuleDict({"align": Attention()})
        self.head = nn.Conv2d(4, 2, 1)

    def forward(self, image: Tensor) -> Tensor:
        aligned = self.neck["align"](self.stem(image), guide=self.guide(image))
        return self.head(aligned)


def images(count: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(8, 3, 16, 20, generator=generator) for _ in range(count)]


def fitted(network: nn.Module, replace: list[str]) -> tuple[nn.Module, dict[str, float]]:
    operated, ledger = fit(
        network,
        images(4),
        "calibrated",
        outputs=lambda out: {"out": out},
        replace=replace,
        hidden=0,
        progress=False,
    )
    return operated, dict(ledger.figures)


def test_the_module_becomes_a_convolution_over_all_its_inputs() -> None:
    torch.manual_seed(0)
    network = Network().eval()
    operated, figures = fitted(network, ["neck.align"])
    block = operated.neck["align"].block
    assert isinstance(block, nn.Conv2d)
    assert (block.in_channels, block.out_channels, block.stride) == (10, 4, (2, 2))
    assert not any(isinstance(module, Attention) for module in operated.modules())
    image = images(1)[0]
    with torch.no_grad():
        given, wanted = operated(image), network(image)
    assert float((given - wanted).abs().mean() / wanted.abs().mean()) < 0.05
    assert figures["calibrated.out"] < 0.05
    assert isinstance(network.neck["align"], Attention)


def test_modules_that_share_the_network_see_the_replacement_too() -> None:
    network = Network().eval()
    view, image = nn.Sequential(network), images(1)[0]
    wanted = network(image)
    expose(network, lambda: network(image), [view], ["neck.align"])
    assert torch.equal(view(image), wanted)
    assert isinstance(view[0].neck["align"], Whole)


@pytest.mark.parametrize(
    ("pattern", "said"),
    [("neck.nothing", "no module at a path like"), ("neck", "not called")],
)
def test_a_pattern_that_replaces_nothing_is_an_error(pattern: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        fitted(Network().eval(), [pattern])


def test_a_module_that_gives_no_map_is_an_error() -> None:
    class Pooled(Network):
        def __init__(self) -> None:
            super().__init__()
            self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())

        def forward(self, image: Tensor) -> Tensor:
            return self.pool(self.stem(image))

    with pytest.raises(InputError, match=r"'pool' maps .* expected tensors \(N, C, H, W\) to one"):
        fitted(Pooled().eval(), ["pool"])
