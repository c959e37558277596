"""Deformable layers are known by their structure, and refused with a reason."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from surgery.rewrites.dcn import DeformLayer, describe


def test_every_layout_is_recognised_with_its_sizes(layout: str, case: Callable[..., Any]) -> None:
    sizes: dict[str, Any] = {"kernel": (3, 5), "stride": (2, 2), "padding": (1, 2)}
    if layout not in ("charlesshang",):
        sizes["groups"] = 2
    one = case(layout, **sizes, dilation=(2, 2), deform_groups=2)
    layer = describe(one.build())
    assert isinstance(layer, DeformLayer)
    geometry = layer.geometry
    assert (geometry.out_channels, geometry.in_channels) == (6, 4)
    assert geometry.kernel == (3, 5)
    assert (geometry.stride, geometry.padding, geometry.dilation) == ((2, 2), (1, 2), (2, 2))
    assert geometry.groups == sizes.get("groups", 1)
    assert geometry.deform_groups == (None if layout.startswith("torchvision") else 2)
    assert layer.modulated == (layout not in ("DeformConv2dPack", "DeformConv2d"))
    assert (layer.bias is None) == (
        layout in ("DeformConv2dPack", "DeformConv2d", "torchvision_unbiased")
    )


def test_offset_and_mask_of_a_call_are_those_of_the_layer(
    layout: str, case: Callable[..., Any]
) -> None:
    one = case(layout, deform_groups=2)
    module, arguments = one.build(), one.arguments(batch=2)
    layer = describe(module)
    assert isinstance(layer, DeformLayer)
    x, offset, mask = layer.sampling(*arguments)
    expected = one.compute(x, offset, mask, layer.weight, layer.bias)
    # both in float32; mmcv sums in another order than the float64 reference (measured 2e-6)
    torch.testing.assert_close(module(*arguments), expected, atol=2e-5, rtol=0)
    assert layer.geometry.deform_groups_of(offset) == 2


def test_arguments_are_understood_by_keyword_too(case: Callable[..., Any]) -> None:
    one = case("torchvision")
    x, offset, mask = one.arguments()
    layer = describe(one.build())
    assert isinstance(layer, DeformLayer)
    assert layer.sampling(x, mask=mask, offset=offset) == (x, offset, mask)
    assert layer.sampling(offset=offset, input=x) == (x, offset, None)


def _wrong_channels(module: nn.Module) -> None:
    module.conv_offset_mask = nn.Conv2d(4, 20, 3, padding=1)


def _other_size(module: nn.Module) -> None:
    module.conv_offset_mask = nn.Conv2d(4, 27, 3, padding=0)


def _quantised(module: nn.Module) -> None:
    weight = torch.quantize_per_tensor(module.weight, 0.1, 0, torch.qint8)
    del module.weight
    module.weight = weight


def _integer(module: nn.Module) -> None:
    weight = module.weight.to(torch.int8)
    del module.weight
    module.weight = weight


def _packed(module: nn.Module) -> None:
    del module.weight
    module.__class__ = type("Quantized", (type(module),), {"weight": lambda self: None})


def _lazy(module: nn.Module) -> None:
    module.weight = nn.parameter.UninitializedParameter()


def _lazy_offsets(module: nn.Module) -> None:
    module.conv_offset_mask = nn.LazyConv2d(27, 3, padding=1)


def _three_dimensional(module: nn.Module) -> None:
    module.weight = nn.Parameter(torch.zeros(6, 4, 3, 3, 3))


def _linear_offsets(module: nn.Module) -> None:
    module.conv_offset_mask = nn.Linear(4, 27)


def _reflecting(module: nn.Module) -> None:
    module.padding_mode = "reflect"


def _ungrouped(module: nn.Module) -> None:
    del module.deformable_groups


def _unshareable(module: nn.Module) -> None:
    module.deformable_groups = 3


def _named_padding(module: nn.Module) -> None:
    module.padding = "same"


def _offsets_from_elsewhere(module: nn.Module) -> None:
    def forward(self: nn.Module, x: Tensor, feature: Tensor) -> Tensor:
        return x + feature

    module.__class__ = type("DCNv2Pack", (type(module),), {"forward": forward})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_wrong_channels, "conv_offset_mask has 20 channels, expected 27 .* or 18"),
        (_other_size, "conv_offset_mask gives maps of another size"),
        (_quantised, "weight is quantised"),
        (_integer, "weight is quantised"),
        (_packed, "weight is a method"),
        (_lazy, "weight is not initialised yet"),
        (_lazy_offsets, "conv_offset_mask is not initialised yet"),
        (_three_dimensional, "weight has 5 dimensions"),
        (_linear_offsets, "conv_offset_mask is a Linear"),
        (_reflecting, "padding_mode is 'reflect'"),
        (_ungrouped, "no positive integer attribute deformable_groups"),
        (_unshareable, "cannot be shared by 3 deformable groups"),
        (_named_padding, "padding is 'same'"),
        (_offsets_from_elsewhere, r"forward takes \(x, feature\)"),
    ],
)
def test_what_cannot_be_handled_is_refused_with_the_reason(
    change: Callable[[nn.Module], None], reason: str, case: Callable[..., Any]
) -> None:
    module = case("charlesshang").build()
    assert isinstance(describe(module), DeformLayer)
    change(module)
    described = describe(module)
    assert isinstance(described, str), described
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(described)


@pytest.mark.parametrize(
    "module",
    [nn.Conv2d(4, 6, 3), nn.Sequential(nn.Conv2d(4, 6, 3)), nn.EmbeddingBag(5, 4), nn.ReLU()],
)
def test_other_modules_are_none_of_its_business(module: nn.Module) -> None:
    assert describe(module) is None


def test_describing_changes_nothing(layout: str, case: Callable[..., Any]) -> None:
    module = case(layout).build()
    before = copy.deepcopy(module.state_dict())
    attributes = dict(module.__dict__)
    describe(module)
    assert module.__dict__ == attributes
    assert all(
        torch.equal(a, b)
        for a, b in zip(before.values(), module.state_dict().values(), strict=True)
    )
