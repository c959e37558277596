"""Deformable convolution against a loop over pixels, against mmcv, and its gradients."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.layers.deform import DCN, deform_conv2d

Pair = tuple[int, int]
# kernel, stride, padding, dilation, groups, deformable groups, with mask
CASES = [
    ((3, 3), (1, 1), (1, 1), (1, 1), 1, 1, True),
    ((3, 3), (2, 1), (0, 2), (1, 2), 1, 2, True),
    ((1, 1), (1, 1), (0, 0), (1, 1), 2, 1, False),
    ((5, 3), (1, 2), (2, 1), (1, 1), 2, 4, True),
    ((2, 4), (3, 2), (1, 3), (2, 1), 4, 2, False),
    ((7, 7), (1, 1), (3, 3), (1, 1), 1, 1, True),
]
Case = tuple[Pair, Pair, Pair, Pair, int, int, bool]


def arguments(case: Case, dtype: torch.dtype) -> tuple[list[Tensor | None], dict[str, object]]:
    kernel, stride, padding, dilation, groups, deform_groups, masked = case
    generator = torch.Generator().manual_seed(7)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)

    size, taps = (9, 7), kernel[0] * kernel[1]
    out = [
        (size[i] + 2 * padding[i] - dilation[i] * (kernel[i] - 1) - 1) // stride[i] + 1
        for i in range(2)
    ]
    offset = 4 * normal(2, deform_groups * 2 * taps, *out)  # many samples leave the image
    offset[0, :, 0, 0] = offset[0, :, 0, 0].round()  # and some fall on pixels and on the border
    mask = normal(2, deform_groups * taps, *out).sigmoid() if masked else None
    tensors = [normal(2, 8, *size), offset, mask, normal(4, 8 // groups, *kernel), normal(4)]
    options: dict[str, object] = {
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "groups": groups,
    }
    return tensors, options


def by_loops(
    tensors: list[Tensor | None], stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> NDArray[np.float64]:
    """Equation 1 of DCNv2, one sample at a time, in float64."""
    x, offset, mask, weight, bias = (None if t is None else t.double().numpy() for t in tensors)
    assert x is not None
    assert offset is not None
    assert weight is not None
    assert bias is not None
    (batch, channels, height, width), (outputs, group_width, kh, kw) = x.shape, weight.shape
    deform_groups = offset.shape[1] // (2 * kh * kw)
    result = np.tile(bias[None, :, None, None], (batch, 1, *offset.shape[2:]))
    for n, c, row, column in product(
        range(batch), range(channels), range(offset.shape[2]), range(offset.shape[3])
    ):
        g = c // (channels // deform_groups)
        for i, j in product(range(kh), range(kw)):
            tap = g * kh * kw + i * kw + j
            y = row * stride[0] - padding[0] + i * dilation[0] + offset[n, 2 * tap, row, column]
            z = column * stride[1] - padding[1] + j * dilation[1]
            z += offset[n, 2 * tap + 1, row, column]
            value = 0.0
            for v, u in product((np.floor(y), np.floor(y) + 1), (np.floor(z), np.floor(z) + 1)):
                if 0 <= v < height and 0 <= u < width:
                    value += (1 - abs(y - v)) * (1 - abs(z - u)) * x[n, c, int(v), int(u)]
            if mask is not None:
                value *= mask[n, tap, row, column]
            first = c // group_width * (outputs // groups)
            block = slice(first, first + outputs // groups)
            result[n, block, row, column] += value * weight[block, c % group_width, i, j]
    return result


@pytest.mark.parametrize("case", CASES)
def test_equals_the_definition_summed_by_loops(case: Case) -> None:
    tensors, options = arguments(case, torch.float64)
    ours = deform_conv2d(*tensors, **options)  # type: ignore[arg-type]
    loops = by_loops(tensors, *case[1:5])
    np.testing.assert_allclose(ours.numpy(), loops, rtol=0, atol=1e-12)


@pytest.mark.parametrize("case", [case for case in CASES if case[-1]])
def test_equals_mmcvs_operator(case: Case) -> None:
    ops = pytest.importorskip("mmcv.ops", reason="needs mmcv with compiled operators")
    tensors, options = arguments(case, torch.float32)
    ours = deform_conv2d(*tensors, **options)  # type: ignore[arg-type]
    theirs = ops.modulated_deform_conv2d(*tensors, *case[1:6])
    # sums of up to 400 products of size 1: float32 rounds them to about 1e-5
    torch.testing.assert_close(ours, theirs, rtol=0, atol=5e-5)


@pytest.mark.parametrize("masked", [True, False])
def test_gradients_are_those_of_finite_differences(masked: bool) -> None:
    generator = torch.Generator().manual_seed(1)

    def leaf(*shape: int) -> Tensor:
        value = torch.rand(*shape, generator=generator, dtype=torch.float64)
        return value.requires_grad_()

    # offsets from 0.2 to 0.8: bilinear sampling has no gradient on the pixels themselves
    offset = (0.2 + 0.6 * leaf(1, 36, 3, 3)).detach().requires_grad_()
    x, mask, weight, bias = leaf(1, 4, 3, 3), leaf(1, 18, 3, 3), leaf(2, 2, 3, 3), leaf(2)

    def run(x: Tensor, offset: Tensor, mask: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        given = mask if masked else None
        return deform_conv2d(x, offset, given, weight, bias, padding=1, groups=2)

    assert torch.autograd.gradcheck(run, (x, offset, mask, weight, bias))


def test_a_single_row_and_column_are_sampled() -> None:
    x = torch.tensor([[[[3.0]]]])
    weight = torch.ones(1, 1, 1, 1)
    for dy, share in ((0.0, 1.0), (0.25, 0.75), (-0.5, 0.5), (1.0, 0.0)):
        offset = torch.tensor([dy, 0.0]).reshape(1, 2, 1, 1)
        assert deform_conv2d(x, offset, None, weight).item() == pytest.approx(3 * share)


def test_a_new_layer_is_half_a_convolution() -> None:
    """Offsets start at zero and masks at one half, so training starts from a convolution."""
    layer, x = DCN(3, 5), torch.randn(2, 3, 6, 8)
    expected = torch.nn.functional.conv2d(x, layer.weight / 2, layer.bias, padding=1)
    torch.testing.assert_close(layer(x), expected)


@pytest.mark.parametrize(
    ("offset", "mask", "message"),
    [(17, 9, "offset has 17 channels"), (18, 8, "mask has 8 channels"), (54, 27, "4 channels")],
)
def test_channels_that_do_not_fit_are_named(offset: int, mask: int, message: str) -> None:
    x, weight = torch.zeros(1, 4, 5, 5), torch.zeros(2, 4, 3, 3)
    with pytest.raises(ValueError, match=message):
        deform_conv2d(
            x, torch.zeros(1, offset, 5, 5), torch.zeros(1, mask, 5, 5), weight, padding=1
        )
