"""Folding: exact where offset and mask are constant, a small kernel, and honest about its limit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from postprocess.errors import InputError
from surgery.rewrites import rewriting
from surgery.rewrites.dcn import OffsetStatistics, statistics

# Float32: weights rounded once more after the fold (measured up to 4e-6 over the drawn cases).
NOISE = 5e-5
UNLIMITED = {"max_kernel": 99}


def _constant(layer: nn.Module, offsets: Tensor, mask: Tensor) -> None:
    """Make a layer's offset convolution predict the same everywhere; mask before its sigmoid."""
    name = "conv_offset_mask" if hasattr(layer, "conv_offset_mask") else "conv_offset"
    convolution = getattr(layer, name)
    convolution.weight.data.zero_()
    convolution.bias.data = torch.cat((offsets, mask))[: convolution.out_channels]


@given(
    kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    padding=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    dilation=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    deform_groups=st.sampled_from([1, 2, 4]),
    seed=st.integers(0, 999),
    step=st.sampled_from([0.01, 0.5, 1.0]),
)
@settings(max_examples=25, deadline=None)
def test_folding_is_exact_where_offset_and_mask_are_constant(
    case: Callable[..., Any],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
    deform_groups: int,
    seed: int,
    step: float,
) -> None:
    one = case("charlesshang", kernel, stride, padding, dilation, deform_groups=deform_groups)
    layer, (x,) = one.build(), one.arguments(batch=2, size=(10, 11))
    generator = torch.Generator().manual_seed(seed)
    offsets = (2 * torch.randn(2 * one.maps, generator=generator) / step).round() * step
    _constant(layer, offsets, torch.randn(one.maps, generator=generator))
    with torch.no_grad():
        expected = layer(x)
        calibration = statistics(layer, [x])
        with rewriting(layer, "dcn.folded", calibration=calibration, options=UNLIMITED) as (
            operated,
            ledger,
        ):
            assert type(operated) is nn.Conv2d
            torch.testing.assert_close(operated(x), expected, atol=NOISE, rtol=0)
    effect = ledger.fired()[0].effect
    assert effect is not None
    assert effect["clipped"] == 0


def test_folding_takes_every_layout_with_groups(layout: str, case: Callable[..., Any]) -> None:
    groups = 1 if layout == "charlesshang" else 2
    one = case(layout, groups=groups, deform_groups=2)
    arguments = list(one.arguments(batch=2))
    generator = torch.Generator().manual_seed(5)
    offsets = torch.randn(2 * one.maps, generator=generator)
    mask = torch.randn(one.maps, generator=generator)
    layer = one.build()
    if len(arguments) == 1:
        _constant(layer, offsets, mask)
    else:
        maps = (offsets, mask.sigmoid())
        arguments[1:] = [
            one_map.reshape(1, -1, 1, 1).expand_as(given).contiguous()
            for one_map, given in zip(maps, arguments[1:], strict=False)
        ]
    model = nn.Sequential(_Called(layer, arguments))
    expected = model(arguments[0])
    calibration = statistics(model, [arguments[0]])
    assert list(calibration) == ["0.layer"]
    with rewriting(model, "dcn.folded", calibration=calibration, options=UNLIMITED):
        torch.testing.assert_close(model(arguments[0]), expected, atol=NOISE, rtol=0)


class _Called(nn.Module):
    def __init__(self, layer: nn.Module, arguments: list[Tensor]) -> None:
        super().__init__()
        self.layer, self.rest = layer, arguments[1:]

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x, *self.rest)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("shift", "dilation", "kernel", "padding", "kept_dilation"),
    [
        (0.0, 2, 3, 1, 2),  # nothing to spread: the layer's own grid
        (0.5, 1, 5, 2, 1),
        (-1.0, 1, 5, 2, 1),
        (1.25, 1, 7, 3, 1),
        (0.5, 2, 7, 2, 1),
        (1e-7, 1, 3, 1, 1),  # rounding noise of a mean does not grow the kernel
    ],
)
def test_the_kernel_is_no_larger_than_needed_and_odd(
    shift: float,
    dilation: int,
    kernel: int,
    padding: int,
    kept_dilation: int,
    case: Callable[..., Any],
) -> None:
    one = case("charlesshang", dilation=(dilation, dilation))
    layer, (x,) = one.build(), one.arguments()
    _constant(layer, torch.full((18,), shift), torch.zeros(9))
    with rewriting(layer, "dcn.folded", calibration=statistics(layer, [x])) as (operated, _):
        assert operated.kernel_size == (kernel, kernel)
        assert operated.padding == (padding, padding)
        assert operated.dilation == (kept_dilation, kept_dilation)


def test_offsets_that_contract_a_dilated_kernel_make_it_smaller(case: Callable[..., Any]) -> None:
    one = case("charlesshang", dilation=(3, 3), padding=(3, 3))
    layer, (x,) = one.build(), one.arguments()
    inwards = torch.tensor([[2.0 - 2 * i, 2.0 - 2 * j] for i in range(3) for j in range(3)])
    _constant(layer, inwards.flatten(), torch.zeros(9))
    expected = layer(x)
    with rewriting(layer, "dcn.folded", calibration=statistics(layer, [x])) as (operated, _):
        assert operated.kernel_size == (3, 3)
        torch.testing.assert_close(operated(x), expected, atol=NOISE, rtol=0)


def test_beyond_max_kernel_taps_move_to_the_border_and_the_ledger_says_how_much(
    case: Callable[..., Any],
) -> None:
    one = case("charlesshang")
    layer, (x,) = one.build(), one.arguments()
    offsets = torch.zeros(9, 2)
    offsets[0] = torch.tensor([-40.0, 0.0])
    _constant(layer, offsets.flatten(), torch.full((9,), 50.0))  # every mask is 1
    weight = layer.weight.detach()
    share = float(weight[:, :, 0, 0].abs().sum() / weight.abs().sum())
    calibration = statistics(layer, [x])
    with rewriting(layer, "dcn.folded", calibration=calibration) as (operated, ledger):
        assert operated.kernel_size == (7, 3)
        # the tap stands in the first row; the others stay where they were
        torch.testing.assert_close(operated.weight[:, :, 0, 0], layer.weight[:, :, 0, 0])
        torch.testing.assert_close(operated.weight[:, :, 3], layer.weight[:, :, 1])
        assert operated(x).shape == layer(x).shape
    (entry,) = ledger.fired()
    assert entry.effect == {
        "kernel_height": 7.0,
        "kernel_width": 3.0,
        "clipped": pytest.approx(share, rel=1e-5),
    }
    assert "of the weight moved inside: max_kernel=7 is too small" in entry.reason
    assert not entry.exact


def test_a_layer_without_statistics_is_refused(case: Callable[..., Any]) -> None:
    model = nn.Sequential(case("charlesshang").build())
    with pytest.raises(InputError, match=r"offset statistics of layer '0', got none"):
        rewriting(model, "dcn.folded").__enter__()
    with pytest.raises(InputError, match=r"offset statistics of layer '0', got Tensor"):
        rewriting(model, "dcn.folded", calibration={"0": torch.ones(1)}).__enter__()


def test_statistics_that_are_not_finite_are_refused(case: Callable[..., Any]) -> None:
    layer = case("charlesshang").build()
    offset = torch.zeros(1, 9, 2, dtype=torch.float64)
    offset[0, 3, 1] = float("nan")
    calibration = {"": OffsetStatistics(63, offset, torch.ones(1, 9, dtype=torch.float64), 0.0)}
    with pytest.raises(InputError, match="offsets of layer '' are not finite"):
        rewriting(layer, "dcn.folded", calibration=calibration).__enter__()
