"""``interpolate`` to another tensor's size, where the batch or all sizes are open."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from postprocess.errors import InputError
from surgery.rewrites import patching

from .cases import EXPORTERS, Function, difference, export, image, operators, refused

NAME = "function.interpolate"
BATCH = {"x": {0: "batch"}}
OPEN = {"x": {0: "batch", 2: "height", 3: "width"}}
MODES = [
    ("nearest", None),
    ("nearest-exact", None),
    ("bilinear", False),
    ("bilinear", True),
    ("bicubic", False),
]


def like(x: Tensor) -> Tensor:
    """What a feature pyramid does."""
    return functional.interpolate(functional.max_pool2d(x, 2), size=x.shape[2:], mode="nearest")


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_without_it_an_open_batch_leaves_a_shape_that_targets_refuse(exporter: str) -> None:
    model, _ = export(like, exporter=exporter, dynamic=BATCH)
    for target in ("nnapi", "ncnn", "qnn"):
        assert "Shape" in refused(model, target)
    cured, _ = export(like, NAME, exporter=exporter, dynamic=BATCH)
    assert operators(cured) == {"MaxPool", "Resize"}
    assert difference(cured, like, image(3, 8, 8, 12)) == 0


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_open_sizes_stay_open_and_no_size_is_in_the_graph(exporter: str) -> None:
    model, _ = export(like, NAME, exporter=exporter, dynamic=OPEN)
    assert operators(model) == {"MaxPool", "Resize"}
    assert difference(model, like, image(1, 8, 6, 20)) == 0


@pytest.mark.parametrize(("mode", "align"), MODES)
@pytest.mark.parametrize("size", [(16, 36), (24, 12), (11, 13), (12, 18), (4, 6)])
def test_it_computes_what_torch_does(mode: str, align: bool | None, size: tuple[int, int]) -> None:
    def sized(x: Tensor) -> Tensor:
        return functional.interpolate(x, size, mode=mode, align_corners=align)

    expected = sized(image())
    with patching(NAME):
        assert torch.equal(sized(image()), expected)


@pytest.mark.parametrize(("size", "by"), [((16, 36), "scales"), ((11, 13), "sizes")])
def test_binary_fractions_become_scales_and_other_ratios_sizes(
    size: tuple[int, int], by: str
) -> None:
    def sized(x: Tensor) -> Tensor:
        return functional.interpolate(x, size, mode="bilinear", align_corners=True)

    model, _ = export(sized, NAME, exporter="torchscript")
    (resize,) = model.graph.node
    assert bool(resize.input[2]) == (by == "scales")  # the third input; sizes are the fourth
    assert difference(model, sized) < 1e-5  # coordinates up to 12 in float32, values up to 4


def test_the_ledger_says_which_calls_had_no_size() -> None:
    def scaled(x: Tensor) -> Tensor:
        return functional.interpolate(x, scale_factor=2.0)

    _, ledger = export(scaled, NAME, exporter="torchscript")
    assert [(entry.fired, entry.reason) for entry in ledger] == [
        (False, "it is by a scale already")
    ]


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_nearest_exact_by_a_whole_factor_is_one_resize(exporter: str) -> None:
    def doubled(x: Tensor) -> Tensor:
        return functional.interpolate(x, scale_factor=2.0, mode="nearest-exact")

    if exporter == "torchscript":
        with pytest.raises(InputError, match="nearest_exact"):
            export(doubled, exporter=exporter)
    else:
        assert "GatherND" in operators(export(doubled, exporter=exporter)[0])
    cured, _ = export(doubled, NAME, exporter=exporter)
    assert operators(cured) == {"Resize"}
    assert difference(cured, doubled) == 0


@pytest.mark.parametrize("size", [(4, 6), (5, 7), (16, 36)])
def test_antialiasing_is_kept(size: tuple[int, int]) -> None:
    def smaller(x: Tensor) -> Tensor:
        return functional.interpolate(x, size, mode="bilinear", antialias=True)

    expected = smaller(image())
    with patching(NAME):
        assert torch.equal(smaller(image()), expected)


def test_a_fixed_size_of_an_open_image_is_left_to_the_exporter() -> None:
    def fixed(x: Tensor) -> Tensor:
        return functional.interpolate(x, (16, 24), mode="nearest")

    open_height = {"x": {2: torch.export.Dim("height", min=2, max=64)}}
    with patching(NAME) as ledger:
        program = torch.export.export(Function(fixed), (image(),), dynamic_shapes=open_height)
    other = image(2, 8, 4, 12)
    assert torch.equal(program.module()(other), fixed(other))
    reasons = [entry.reason for entry in ledger]
    assert any(each.startswith("a size is a symbol of the exporter's") for each in reasons)
