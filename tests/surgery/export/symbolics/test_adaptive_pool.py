"""Adaptive pooling to a size that does not divide the image's.

Averages of up to 12 values of size 9 in float32: 2e-7 of noise each; maxima are exact.
"""

from __future__ import annotations

import pytest
from torch.nn import functional

from postprocess.errors import InputError

from .cases import EXPORTERS, OPEN, difference, export, image, operators

AVERAGES = [lambda x, size=size: functional.adaptive_avg_pool2d(x, size) for size in (1, 4, (3, 5))]
MAXIMA = [lambda x, size=size: functional.adaptive_max_pool2d(x, size) for size in (1, 4, (3, 5))]
BOTH = ["adaptive_avg_pool", "adaptive_max_pool"]
TOLERANCE = 2e-6


@pytest.mark.parametrize("uneven", [AVERAGES[-1], MAXIMA[-1]], ids=["average", "maximum"])
def test_without_it_torchscript_has_no_form_for_sizes_that_do_not_divide(uneven: object) -> None:
    with pytest.raises(InputError, match="not factor of input size"):
        export([uneven], [])  # type: ignore[list-item]


def test_without_it_dynamo_has_no_form_for_such_a_maximum() -> None:
    with pytest.raises(InputError, match="adaptive_max_pool2d"):
        export([MAXIMA[-1]], [], exporter="dynamo", opset=18)


@pytest.mark.parametrize(("exporter", "opset"), [*zip(EXPORTERS, (18, 11), strict=True)])
def test_any_size_is_slices_and_poolings(exporter: str, opset: int) -> None:
    model = export([*AVERAGES, *MAXIMA], BOTH, exporter=exporter, opset=opset)
    pooling = {"AveragePool", "MaxPool", "GlobalAveragePool", "GlobalMaxPool"}
    assert operators(model) == {*pooling, "Slice", "Concat"}
    assert difference(model, AVERAGES + MAXIMA) < TOLERANCE


def test_a_mean_over_open_sizes_exports_and_holds_for_others() -> None:
    with pytest.raises(InputError, match="not valid ONNX"):
        export(AVERAGES[:1], [], exporter="dynamo", opset=18, dynamic=OPEN)
    model = export(AVERAGES[:1], BOTH, exporter="dynamo", opset=18, dynamic=OPEN)
    assert difference(model, AVERAGES[:1], image(3, 8, 5, 7)) < TOLERANCE


def test_other_sizes_of_open_images_are_refused_in_one_line() -> None:
    with pytest.raises(InputError, match=r"known height and width.*skip=\[adaptive_avg_pool\]"):
        export(AVERAGES[-1:], BOTH, dynamic=OPEN)


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_a_network_that_uses_the_indices_of_maxima_does_not_export(exporter: str) -> None:
    def indices(x):  # type: ignore[no-untyped-def]
        return functional.adaptive_max_pool2d(x, (3, 5), return_indices=True)[1]

    with pytest.raises(InputError, match=r"not an output|output 1"):
        export([indices], BOTH, exporter=exporter, opset=18)
