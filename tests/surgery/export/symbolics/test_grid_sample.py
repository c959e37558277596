"""grid_sample below opset 16: no exporter has a form for it, and ours computes what torch does.

Tolerance: coordinates of up to 9 pixels in float32 are 1e-6 off, times values of up to 4.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from postprocess.errors import InputError
from surgery.export.export import export_onnx
from surgery.graph.run import run

TOLERANCE = 2e-5


class Sampled(nn.Module):
    def __init__(self, mode: str, padding: str, align: bool) -> None:
        super().__init__()
        self.mode, self.padding, self.align = mode, padding, align

    def forward(self, image: Tensor, grid: Tensor) -> Tensor:
        return functional.grid_sample(image, grid, self.mode, self.padding, self.align)


def inputs(height: int = 7, width: int = 9, batch: int = 2) -> tuple[Tensor, Tensor]:
    """An image, and a grid that reaches far beyond it on every side."""
    generator = torch.Generator().manual_seed(0)
    image = torch.randn(batch, 3, height, width, generator=generator)
    return image, 6 * torch.rand(batch, 20, 30, 2, generator=generator) - 3


def export(net: nn.Module, examples: tuple[Tensor, Tensor], **options: object) -> onnx.ModelProto:
    return export_onnx(
        net.eval(),
        examples,
        input_names=["image", "grid"],
        output_names=["sampled"],
        **{"opset": 11, "exporter": "torchscript", **options},  # type: ignore[arg-type]
    )


def difference(model: onnx.ModelProto, net: nn.Module, examples: tuple[Tensor, Tensor]) -> float:
    feeds = {name: x.numpy() for name, x in zip(("image", "grid"), examples, strict=True)}
    return float(np.abs(run(model, feeds)["sampled"] - net(*examples).numpy()).max())


@pytest.mark.parametrize(("exporter", "opset"), [("torchscript", 15), ("dynamo", 15)])
def test_without_the_symbolic_no_exporter_writes_it(exporter: str, opset: int) -> None:
    net = Sampled("bilinear", "zeros", False)
    with pytest.raises(InputError, match=r"grid_sampler|GridSample"):
        export(net, inputs(), exporter=exporter, opset=opset, symbolics=())


@pytest.mark.parametrize("align", [False, True])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
def test_it_computes_what_torch_does(mode: str, padding: str, align: bool) -> None:
    net, examples = Sampled(mode, padding, align), inputs()
    model = export(net, examples)
    assert "GridSample" not in {node.op_type for node in model.graph.node}
    assert difference(model, net, examples) < TOLERANCE


def test_nearest_rounds_halves_to_the_even_pixel() -> None:
    image = torch.arange(64.0).reshape(1, 1, 8, 8)
    halves = (2 * torch.arange(-0.5, 8) + 1) / 8 - 1  # exact in float32
    grid = torch.stack(torch.meshgrid(halves, halves, indexing="xy"), -1)[None]
    net = Sampled("nearest", "border", False)
    assert difference(export(net, (image, grid)), net, (image, grid)) == 0


@pytest.mark.parametrize("padding", ["zeros", "reflection"])
def test_an_image_of_one_pixel_is_sampled_as_torch_does(padding: str) -> None:
    net, examples = Sampled("bilinear", padding, True), inputs(1, 1)
    assert difference(export(net, examples), net, examples) < TOLERANCE


def test_a_ray_to_infinity_reads_zeros() -> None:
    net, (image, grid) = Sampled("bilinear", "zeros", False), inputs()
    grid[:, 0] = torch.inf
    grid[:, 1] = -torch.inf
    model = export(net, (image, grid), verify=False)  # torch gives NaN
    sampled = run(model, {"image": image.numpy(), "grid": grid.numpy()})["sampled"]
    assert not sampled[:, :, :2].any()


@pytest.mark.parametrize("opset", [14, 15])
def test_the_other_exporter_writes_it_too(opset: int) -> None:
    net, examples = Sampled("bilinear", "zeros", False), inputs()
    model = export(net, examples, exporter="dynamo", opset=opset)
    assert difference(model, net, examples) < TOLERANCE


@pytest.mark.parametrize("exporter", ["torchscript", "dynamo"])
def test_open_sizes_stay_open(exporter: str) -> None:
    net, examples = Sampled("nearest", "zeros", True), inputs()
    axes = {"image": {0: "batch", 2: "height", 3: "width"}, "grid": {0: "batch", 1: "h", 2: "w"}}
    model = export(net, examples, exporter=exporter, opset=15, dynamic=axes)
    assert difference(model, net, inputs(5, 12, batch=3)) < TOLERANCE


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: (Sampled("bicubic", "zeros", False), inputs()), "bicubic"),
        (
            lambda: (
                Sampled("bilinear", "zeros", False),
                (torch.rand(1, 1, 3, 3, 3), torch.rand(1, 2, 2, 2, 3)),
            ),
            "volumes",
        ),
    ],
)
def test_what_it_does_not_write_is_refused_in_one_line(
    make: Callable[[], tuple[nn.Module, tuple[Tensor, Tensor]]], message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        export(*make())
    assert "\n" not in str(caught.value)
