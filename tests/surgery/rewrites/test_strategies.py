"""What the strategies compute, outside an export: exact ones the layer's own output."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from postprocess.errors import InputError
from surgery.rewrites import rewriting
from surgery.rewrites.dcn import statistics

# Float32 against the float64 reference: the worst of a few hundred random layers was 8e-6 (sums of
# up to 36 products of size 1 in another order, and coordinates rounded on their way to a pixel).
NOISE = 5e-5


@st.composite
def _sizes(draw: st.DrawFn) -> dict[str, Any]:
    def pair(low: int, high: int) -> tuple[int, int]:
        return draw(st.integers(low, high)), draw(st.integers(low, high))

    return {
        "kernel": pair(1, 4),
        "stride": pair(1, 3),
        "padding": pair(0, 3),
        "dilation": pair(1, 2),
        "groups": draw(st.sampled_from([1, 2])),
        "deform_groups": draw(st.sampled_from([1, 2, 4])),
    }


@pytest.mark.parametrize("opset", [15, 16])
@pytest.mark.parametrize("name", ["charlesshang", "torchvision", "torchvision_unbiased"])
@given(sizes=_sizes(), seed=st.integers(0, 99), batch=st.sampled_from([1, 3]))
@settings(max_examples=15, deadline=None)
def test_decomposed_equals_the_layer_for_all_sizes(
    name: str,
    opset: int,
    sizes: dict[str, Any],
    seed: int,
    batch: int,
    case: Callable[..., Any],
) -> None:
    if name == "charlesshang":
        sizes["groups"] = 1
    one = case(name, **sizes)
    layer, arguments = one.build(seed=seed), one.arguments(batch, (9, 8), seed)
    with torch.no_grad():
        expected = layer(*arguments)
        with rewriting(layer, "dcn.decomposed", opset=opset) as (operated, ledger):
            torch.testing.assert_close(operated(*arguments), expected, atol=NOISE, rtol=0)
    assert ledger.fired()[0].reason == f"samples by {'Gather' if opset == 15 else 'GridSample'}"


@pytest.mark.parametrize("opset", [15, 16])
def test_decomposed_equals_every_layout(layout: str, opset: int, case: Callable[..., Any]) -> None:
    one = case(layout, kernel=(3, 2), stride=(2, 1), padding=(2, 0), deform_groups=2)
    layer, arguments = one.build(), one.arguments(batch=3)
    expected = layer(*arguments)
    with rewriting(layer, "dcn.decomposed", opset=opset) as (operated, _):
        torch.testing.assert_close(operated(*arguments), expected, atol=NOISE, rtol=0)


@pytest.mark.parametrize("opset", [15, 16])
@pytest.mark.parametrize("offset_scale", [30.0, 1e6])
def test_decomposed_is_exact_for_offsets_that_leave_the_image(
    opset: int, offset_scale: float, case: Callable[..., Any]
) -> None:
    one = case("charlesshang")
    layer, (x,) = one.build(offset_scale), one.arguments(batch=2)
    expected = layer(x)
    with rewriting(layer, "dcn.decomposed", opset=opset) as (operated, _):
        torch.testing.assert_close(operated(x), expected, atol=NOISE, rtol=0)


@pytest.mark.parametrize("opset", [15, 16])
def test_decomposed_works_on_images_of_one_row_or_column(
    opset: int, case: Callable[..., Any]
) -> None:
    one = case("charlesshang")
    for size in ((1, 6), (6, 1), (1, 1)):
        layer, (x,) = one.build(), one.arguments(size=size)
        expected = layer(x)
        with rewriting(layer, "dcn.decomposed", opset=opset) as (operated, _):
            torch.testing.assert_close(operated(x), expected, atol=NOISE, rtol=0)


def test_decomposed_passes_gradients_to_the_published_parameters(
    case: Callable[..., Any],
) -> None:
    one = case("charlesshang")
    layer, (x,) = one.build(), one.arguments()
    with rewriting(layer, "dcn.decomposed") as (operated, _):
        operated(x).sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in layer.parameters())


def test_native_and_keep_compute_outside_an_export_as_the_layer_to_the_bit(
    layout: str, case: Callable[..., Any]
) -> None:
    one = case(layout, deform_groups=2)
    layer, arguments = one.build(), one.arguments(batch=3)
    expected = layer(*arguments)
    for name in ("dcn.native", "dcn.keep"):
        with rewriting(layer, name) as (operated, ledger):
            assert torch.equal(operated(*arguments), expected)
        assert all(entry.exact for entry in ledger.fired())


def test_plain_is_a_convolution_with_the_layers_own_weights(
    layout: str, case: Callable[..., Any]
) -> None:
    one = case(layout, stride=(2, 1), padding=(2, 1), dilation=(1, 2), deform_groups=2)
    layer, arguments = one.build(), one.arguments(batch=2)
    expected = F.conv2d(
        arguments[0],
        layer.weight,
        getattr(layer, "bias", None),
        one.stride,
        one.padding,
        one.dilation,
    )
    with rewriting(layer, "dcn.plain") as (operated, ledger):
        assert torch.equal(operated(*arguments), expected)
        assert isinstance(operated, nn.Conv2d)
        assert operated.weight is layer.weight
    assert not ledger.fired()[0].exact


def test_a_layer_called_with_keywords_can_be_replaced(case: Callable[..., Any]) -> None:
    one = case("torchvision")
    layer, (x, offset, mask) = one.build(), one.arguments()
    expected = layer(x, offset=offset, mask=mask)
    for name in ("dcn.native", "dcn.decomposed"):
        with rewriting(layer, name) as (operated, _):
            result = operated(input=x, mask=mask, offset=offset)
            torch.testing.assert_close(result, expected, atol=NOISE, rtol=0)
    with rewriting(layer, "dcn.plain") as (operated, _):
        assert torch.equal(operated(mask=mask, offset=offset, input=x), operated(x, offset))


@pytest.mark.parametrize(
    ("name", "opset", "message"),
    [
        ("dcn.native", 18, "dcn.native needs opset 19 or later .*, got 18"),
        ("dcn.decomposed", 10, "dcn.decomposed needs opset 11 or later, got 10"),
    ],
)
def test_an_opset_without_the_operators_is_refused(
    name: str, opset: int, message: str, case: Callable[..., Any]
) -> None:
    with pytest.raises(InputError, match=message):
        rewriting(case("charlesshang").build(), name, opset=opset).__enter__()


@pytest.mark.parametrize("name", ["dcn.native", "dcn.decomposed", "dcn.plain"])
def test_an_operated_network_can_be_copied(name: str, case: Callable[..., Any]) -> None:
    one = case("charlesshang")
    layer, (x,) = one.build(), one.arguments()
    with rewriting(layer, name) as (operated, _):
        expected = operated(x)
        twin = copy.deepcopy(operated)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
    assert torch.equal(twin(x), expected)


def test_statistics_are_the_means_over_all_pixels_of_all_batches(
    case: Callable[..., Any],
) -> None:
    one = case("charlesshang", deform_groups=2)
    model = nn.Sequential(nn.BatchNorm2d(4).train(), one.build())
    model.training = True
    state = copy.deepcopy(model.state_dict())
    batches = [one.arguments(batch, seed=seed)[0] for seed, batch in ((1, 2), (2, 1))]
    found = statistics(model, batches)
    assert list(found) == ["1"]
    assert all(
        torch.equal(a, b) for a, b in zip(state.values(), model.state_dict().values(), strict=True)
    )
    assert model.training
    assert not model[1].training
    assert not model[1]._forward_pre_hooks
    predicted = model[1].conv_offset_mask(model[0].eval()(torch.cat(batches))).detach().double()
    offset, mask = predicted[:, :36], predicted[:, 36:].sigmoid()
    torch.testing.assert_close(
        found["1"].mean_offset, offset.mean((0, 2, 3)).reshape(2, 9, 2), atol=1e-6, rtol=0
    )
    torch.testing.assert_close(
        found["1"].mean_mask, mask.mean((0, 2, 3)).reshape(2, 9), atol=1e-6, rtol=0
    )
    assert found["1"].largest == pytest.approx(float(offset.abs().max()))
    assert found["1"].samples == 3 * 9 * 7


def test_statistics_of_a_layer_without_a_mask_say_one(case: Callable[..., Any]) -> None:
    one = case("torchvision")
    x, offset, _ = one.arguments()

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = one.build()
            self.unused = one.build()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.layer(x, offset)  # type: ignore[no-any-return]

    found = statistics(Net(), [x])
    assert list(found) == ["layer"]
    assert torch.equal(found["layer"].mean_mask, torch.ones(1, 9, dtype=torch.float64))
