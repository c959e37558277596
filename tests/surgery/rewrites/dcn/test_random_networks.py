"""Random wrapping around deformable calls: never another result without a word."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from benchmarks.family_networks import Layer, deform_conv2d
from surgery import rewriting
from surgery.rewrites.dcn import statistics

MASKS = {
    "sigmoid": torch.sigmoid,
    "2 sigmoid": lambda m: 2 * m.sigmoid(),
    "softmax": lambda m: m.softmax(1),
    "none": None,
}
BOUNDS = {"plain": lambda o: o, "tanh": lambda o: 3 * o.tanh(), "clamp": lambda o: o.clamp(-2, 2)}
BEHIND = {"nothing": nn.Identity, "norm": lambda: nn.BatchNorm2d(8), "silu": nn.SiLU,
          "dropout": lambda: nn.Dropout(0.5)}  # fmt: skip


class Wrapped(Layer):
    """A layer that deforms in one of many ways."""

    def __init__(self, choice: dict[str, Any]) -> None:
        super().__init__(kernel=choice["kernel"])
        self.choice, self.behind = choice, BEHIND[choice["behind"]]()
        if choice["renamed"]:
            self.w = self.weight
            del self.weight

    def split(self, predicted: Tensor) -> tuple[Tensor, Tensor]:
        taps = self.choice["kernel"] ** 2
        return predicted[:, : 2 * taps], predicted[:, 2 * taps :]

    def forward(self, x: Any) -> Tensor:
        image, source = x if isinstance(x, list) else (x, x)
        offset, mask = self.split(self.conv_offset_mask(source))
        offset = BOUNDS[self.choice["bound"]](offset)
        modulate = MASKS[self.choice["mask"]]
        weight = self.w if self.choice["renamed"] else self.weight
        given = None if modulate is None else modulate(mask)
        return self.behind(deform_conv2d(image, offset, weight, self.bias, given))


class Net(nn.Module):
    """Layers one after another, some called twice, some with a list, hooks on some."""

    def __init__(self, layers: list[dict[str, Any]]) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, 2, 1)
        self.layers = nn.ModuleList(Wrapped(choice) for choice in layers)
        generator = torch.Generator().manual_seed(len(layers))
        for parameter in self.parameters():
            nn.init.normal_(parameter, 0, 0.2, generator=generator)
        for layer, choice in zip(self.layers, layers, strict=True):
            if choice["hooked"]:
                layer.register_forward_hook(lambda module, taken, result: result.tanh())
        self.eval()

    def forward(self, image: Tensor) -> Tensor:
        x = self.stem(image)
        for layer in self.layers:
            taken: Any = [x, F.leaky_relu(x)] if layer.choice["listed"] else x
            x = layer(taken)
            x = layer(taken) + x if layer.choice["twice"] else x
            x = x / x.abs().amax().clamp(min=1)
        return x


LAYER = st.fixed_dictionaries(
    {
        "kernel": st.sampled_from([1, 3]),
        "mask": st.sampled_from(sorted(MASKS)),
        "bound": st.sampled_from(sorted(BOUNDS)),
        "behind": st.sampled_from(sorted(BEHIND)),
        **{name: st.booleans() for name in ("renamed", "hooked", "listed", "twice")},
    }
)
IMAGE = torch.randn(2, 3, 20, 24, generator=torch.Generator().manual_seed(3))


@settings(max_examples=50, deadline=None)
@given(st.lists(LAYER, min_size=1, max_size=3), st.sampled_from([13, 17]), st.booleans())
@torch.no_grad()
def test_exact_strategies_stay_exact_however_the_call_is_wrapped(
    layers: list[dict[str, Any]], opset: int, shown: bool
) -> None:
    network = Net(layers)
    wanted = network(IMAGE)
    example = (IMAGE,) if shown else None
    with rewriting(network, "dcn.decomposed", opset=opset, example=example) as (made, ledger):
        assert sum(entry.fired for entry in ledger) >= len(layers)
        torch.testing.assert_close(made(IMAGE), wanted, rtol=0, atol=1e-4)
    assert torch.equal(network(IMAGE), wanted)


@settings(max_examples=15, deadline=None)
@given(st.lists(LAYER, min_size=1, max_size=2))
@torch.no_grad()
def test_every_call_is_measured(layers: list[dict[str, Any]]) -> None:
    assert len(statistics(Net(layers), [IMAGE])) == len(layers)
