"""Open axes fixed to sizes and fixed ones opened, or the node that holds to its size is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from postprocess.errors import InputError
from surgery.export.export import export_onnx
from surgery.graph.axes import fixed, opened, stride, symbols
from surgery.graph.run import random_feeds, run
from surgery.graph.shapes import shape_of
from surgery.passes.tidy import INITIALIZERS

from .. import nets
from .graphs import graph

EXPORTERS = ("dynamo", "torchscript")


class Traced(nn.Module):
    """Sizes read from one picture: flattened for a matrix product, and given to interpolate."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.further = nn.Conv2d(8, 8, 3, stride=2, padding=1)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        fine = self.down(image)
        coarse = self.further(fine).relu()
        batch, channels, height, width = coarse.shape
        flat = coarse.reshape(batch, channels, height * width)
        size = (int(fine.shape[2]), int(fine.shape[3]))
        return functional.interpolate(coarse, size=size) + fine, flat


class Windows(nn.Module):
    """Cuts a picture into four windows, whose sizes the exporter writes down."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Unflatten(2, (2, 8)))

    def forward(self, image: Tensor) -> Tensor:
        return self.body(image)


def export(net: nn.Module, outputs: list[str], exporter: str, **dynamic: str) -> onnx.ModelProto:
    torch.manual_seed(0)
    axes = {"batch": 0, "height": 2, "width": 3}
    return export_onnx(
        net.eval(),
        (torch.randn(2 if "batch" in dynamic else 1, 3, 16, 16),),
        input_names=["image"],
        output_names=outputs,
        dynamic={"image": {axes[name]: symbol for name, symbol in dynamic.items()}},
        exporter=exporter,
        verify="height" not in dynamic,  # frozen sizes among them
    )


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_a_graph_traced_at_one_size_takes_others_and_gives_what_torch_does(exporter: str) -> None:
    net = Traced()
    before = export(net, ["fine", "flat"], exporter)
    other = torch.randn(3, 3, 20, 24)
    with pytest.raises(InputError):
        run(before, {"image": other.numpy()})
    after = opened(before, {"image": {0: "batch", 2: "height", 3: "width"}})
    assert shape_of(after.graph.input[0]) == ("batch", 3, "height", "width")
    assert shape_of(after.graph.output[0]) == ("batch", 8, "fine_dim_2", "fine_dim_3")
    assert shape_of(after.graph.output[1]) == ("batch", 8, "flat_dim_2")
    found = run(after, {"image": other.numpy()})
    with torch.no_grad():
        for name, expected in zip(("fine", "flat"), net(other), strict=True):
            assert np.abs(found[name] - expected.numpy()).max() < 1e-5  # 5e-7 measured, values to 3


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_what_holds_to_its_size_is_named_with_its_module(exporter: str) -> None:
    before = export(Windows(), ["y"], exporter)
    with pytest.raises(InputError) as e:
        opened(before, {"image": {2: "height"}})
    assert str(e.value).startswith("Reshape '")
    assert "in module 'body.1' holds to the sizes that the graph was exported with" in str(e.value)
    assert "\n" not in str(e.value)
    assert shape_of(opened(before, {"image": {0: "n"}}).graph.output[0]) == ("n", 4, 2, 8, 16)


def test_a_graph_that_mixes_the_batch_is_refused() -> None:
    class Mixed(nn.Module):
        def forward(self, image: Tensor) -> Tensor:
            return image - image.mean()

    with pytest.raises(InputError, match="output 'y' differs by"):
        opened(export(Mixed(), ["y"], "torchscript"), {"image": {0: "batch"}})


def test_open_axes_are_fixed_in_inputs_outputs_and_inside() -> None:
    before = nets.export(nets.backbone(), dynamic=nets.DYNAMIC)
    assert list(symbols(before)) == ["batch", "height", "width"]
    half = fixed(before, {"height": 32, "width": 16})
    assert shape_of(half.graph.input[0]) == ("batch", 3, 32, 16)
    whole = fixed(half, {"batch": 3})
    assert shape_of(whole.graph.output[0]) == (3, 4, 32, 16)
    assert shape_of(whole.graph.output[1]) == (3, 8, 8, 4)
    for value in whole.graph.value_info:
        assert not any(isinstance(side, str) for side in shape_of(value) or ())
    feeds = random_feeds(whole)
    for name, array in run(before, feeds).items():
        assert (run(whole, feeds)[name] == array).all()


def test_a_batch_of_one_that_was_written_into_a_reshape_gives_way_to_a_fixed_batch() -> None:
    before = export(Traced(), ["fine", "flat"], "torchscript")
    before.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "batch"  # as some tools do
    for value in before.graph.output:
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    del before.graph.value_info[:]
    feeds = {"image": np.random.default_rng(0).standard_normal((4, 3, 16, 16)).astype(np.float32)}
    with pytest.raises(InputError):
        run(before, feeds)
    after = fixed(before, {"batch": 4})
    assert run(after, feeds)["flat"].shape == (4, 8, 16)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"hight": 3}, "no axis 'hight'; did you mean 'height'"),
        ({"height": 0}, "at least 1, got 0"),
    ],
)
def test_wrong_sizes_are_refused(sizes: dict[str, int], message: str) -> None:
    model = export(Traced(), ["fine", "flat"], "torchscript", height="height")
    with pytest.raises(InputError, match=message):
        fixed(model, sizes)


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({"imag": {0: "n"}}, "no input 'imag'; did you mean 'image'"),
        ({"image": {4: "n"}}, "axes 0 to 3, got axis 4"),
        ({"image": {0: "a b"}}, "expects a name, got 'a b'"),
    ],
)
def test_wrong_axes_are_refused(axes: dict[str, dict[int, str]], message: str) -> None:
    model = export(Traced(), ["fine", "flat"], "torchscript")
    with pytest.raises(InputError, match=message):
        opened(model, axes)


def test_the_step_of_a_network_with_a_stride_is_found_by_trial() -> None:
    class Skip(nn.Module):
        """Down and up by eight, added to what went in: runs at multiples of eight alone."""

        def forward(self, image: Tensor) -> Tensor:
            small = functional.max_pool2d(image, 8)
            return functional.interpolate(small, scale_factor=8.0) + image

    model = export(Skip(), ["y"], "torchscript", height="height", width="width")
    feeds = random_feeds(model, {"height": 16, "width": 16})
    assert stride(model, feeds, "image", 2) == 8


def test_a_real_network_gets_its_batch_opened(reference: Path) -> None:
    model = INITIALIZERS.apply(onnx.load(reference / "tinypose" / "tinypose_128x96.onnx"))
    after = opened(model, {"image": {0: "batch"}})
    assert shape_of(after.graph.output[0]) == ("batch", 17, 32, 24)


def test_a_row_of_unknown_length_is_not_taken_for_a_batch_of_one() -> None:
    model = graph(
        """g (float[batch,3,h,w] x) => (float[batch,3,h,w] y)
        {
          s = Shape(x)
          wide = Gather(s, three)
          range = Range(zero, wide, one)
          floats = Cast <to = 1> (range)
          row = Reshape(floats, flat)
          y = Add(x, row)
        }""",
        three=np.int64(3), zero=np.int64(0), one=np.int64(1), flat=np.int64([1, -1]),
    )  # fmt: skip
    x = np.zeros((1, 3, 8, 8), np.float32)
    expected = run(model, {"x": x})["y"]
    np.testing.assert_array_equal(
        run(fixed(model, {"batch": 1, "h": 8, "w": 8}), {"x": x})["y"], expected
    )


def test_an_axis_without_a_name_may_stay_open() -> None:
    model = graph("g (float[?,3,h,w] x) => (float[?,3,h,w] y) { y = Neg(x) }")
    assert shape_of(fixed(model, {"h": 8, "w": 8}).graph.input[0]) == (None, 3, 8, 8)


def test_a_vector_that_holds_sizes_gets_sizes_for_the_check() -> None:
    model = graph(
        """g (float[1,1,n,n] x, float[2] size) => (float[1,1,a,b] y)
        {
          whole = Cast <to = 7> (size)
          sizes = Concat <axis = 0> (ones, whole)
          y = Resize <mode = "nearest"> (x, , , sizes)
        }""",
        ones=np.int64([1, 1]),
    )
    assert shape_of(fixed(model, {"n": 4}).graph.input[0]) == (1, 1, 4, 4)
