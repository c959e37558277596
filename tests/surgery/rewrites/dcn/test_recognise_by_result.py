"""A layer that looks deformable is one only where a probe gives what its structure promises."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from benchmarks.family_networks import DCNv2
from surgery import rewriting
from surgery.rewrites.dcn import DeformLayer, describe


def test_a_layer_that_computes_its_deformable_convolution_is_one() -> None:
    assert isinstance(describe(DCNv2()), DeformLayer)


class Bounded(DCNv2):
    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input.clamp(-1, 1))


class Doubled(DCNv2):
    def forward(self, input: Tensor) -> Tensor:
        return 2 * super().forward(input)


class Strided(DCNv2):
    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input)[:, :, ::2]


class Broken(DCNv2):
    def forward(self, input: Tensor) -> Tensor:
        raise KeyError("no kernel")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Bounded, "apart on a probe"),
        (Doubled, "apart on a probe"),
        (Strided, "gives"),
        (Broken, "fails on a probe"),
    ],
)
def test_a_layer_that_does_more_is_none(kind: type[nn.Module], said: str) -> None:
    found = describe(kind())
    assert isinstance(found, str)
    assert said in found


def test_a_hook_that_changes_the_result_is_seen() -> None:
    layer = DCNv2()
    layer.register_forward_hook(lambda module, given, result: result + 1)
    assert isinstance(describe(layer), str)


def test_a_probe_leaves_the_layer_as_it_was() -> None:
    layer = DCNv2()
    nn.init.ones_(layer.weight)
    nn.init.ones_(layer.bias)
    before = copy.deepcopy(layer.state_dict())
    describe(layer)
    assert all(torch.equal(layer.state_dict()[name], tensor) for name, tensor in before.items())


def test_a_change_of_forward_is_seen_after_the_first_answer(case: Callable[..., Any]) -> None:
    layer = case("charlesshang").build()
    assert isinstance(describe(layer), DeformLayer)
    own = layer.forward
    layer.forward = lambda *given: own(*given) * 2
    assert isinstance(describe(layer), str)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_element_types_are_probed_in_their_own(dtype: torch.dtype) -> None:
    assert isinstance(describe(DCNv2().to(dtype)), DeformLayer)


def test_a_layer_without_values_is_probed_with_drawn_ones() -> None:
    with torch.device("meta"):
        layer = DCNv2()
    assert isinstance(describe(layer), DeformLayer)


def test_an_exact_strategy_takes_the_call_and_leaves_the_rest() -> None:
    layer, image = Doubled().eval(), torch.randn(1, 8, 6, 7)
    nn.init.normal_(layer.weight)
    nn.init.zeros_(layer.bias)
    with torch.no_grad(), rewriting(layer, "dcn.decomposed") as (operated, ledger):
        torch.testing.assert_close(operated(image), layer(image))
    assert [entry.fired for entry in ledger] == [True]
