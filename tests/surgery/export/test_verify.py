"""A graph that is returned has been run against its module; one that is wrong is refused.

Tolerance of the values that are compared here: 1e-5 of N(0, 1) through one convolution in float32.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from postprocess.errors import InputError
from surgery import export_onnx
from surgery.export.exporters.base import Request
from surgery.export.sizes import second_sizes
from surgery.export.verify import holds_at
from surgery.graph.run import run

EXPORTERS = ("dynamo", "torchscript")
OPEN = {"x": {0: "batch", 2: "height", 3: "width"}}
TOLERANCE = 1e-5


class Net(nn.Module):
    """One convolution, a buffer called as an operator is, and what a test does with them."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.register_buffer("mean", torch.full((1, 4, 1, 1), 0.5))
        self.function = function

    def forward(self, *inputs: Tensor) -> Any:
        return self.function(self, *inputs)


def picture(*shape: int) -> Tensor:
    return torch.randn(*(shape or (1, 3, 32, 32)), generator=torch.Generator().manual_seed(0))


def export(
    function: Callable[..., Any], names: list[str] | None = None, **options: Any
) -> tuple[onnx.ModelProto, nn.Module]:
    net = Net(function).eval()
    inputs = options.pop("inputs", (picture(),))
    taken = options.pop("input_names", ["x"])
    return export_onnx(net, inputs, input_names=taken, output_names=names or ["y"], **options), net


def gap(model: onnx.ModelProto, net: nn.Module, *inputs: Tensor) -> float:
    given = [value.name for value in model.graph.input]
    feeds = {name: tensor.numpy() for name, tensor in zip(given, inputs, strict=True)}
    with torch.no_grad():
        expected = net(*(tensor.clone() for tensor in inputs))
    expected = expected if isinstance(expected, tuple) else (expected,)
    found = run(model, feeds).values()
    return max(float(np.abs(a - b.numpy()).max()) for a, b in zip(found, expected, strict=True))


def unequal(net: Net, x: Tensor) -> tuple[Tensor, ...]:
    first, second = net.conv(x).split([3, 1], 1)
    return first.exp().sum(1), second.sigmoid()


def view_written(net: Net, x: Tensor) -> Tensor:
    y: Tensor = net.conv(x)
    y.view(1, 4, -1)[:, 0].mul_(2)
    return y


def loop(net: Net, x: Tensor) -> Tensor:
    y = net.conv(x)
    return sum(y[:, :, row] for row in range(x.shape[2]))  # type: ignore[return-value]


def frozen(net: Net, x: Tensor) -> Tensor:
    y: Tensor = net.conv(x)
    size = (int(y.shape[2]) * 2, int(y.shape[3]) * 2)
    return functional.interpolate(functional.max_pool2d(y, 2), size=size) + y.repeat(1, 1, 2, 2)


@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize(
    ("function", "names"),
    [
        pytest.param(unequal, ["a", "b"], id="split into unequal parts"),
        pytest.param(lambda net, x: (net.conv(x),) * 2, ["a", "b"], id="one tensor twice"),
        pytest.param(lambda net, x: (x, net.conv(x)), ["a", "b"], id="an input as an output"),
        pytest.param(lambda net, x: (net.mean, net.conv(x)), ["a", "b"], id="a buffer"),
        pytest.param(lambda net, x: net.conv(x).softmax(1) + 1, ["softmax"], id="an operator"),
        pytest.param(lambda net, x: net.conv(x) + 1, ["conv.weight"], id="a parameter"),
        pytest.param(
            lambda net, x: (net.conv(x) - net.mean) * x.mean((2, 3), keepdim=True).sum(1),
            ["y"],
            id="a buffer named like an operator",
        ),
    ],
)
def test_names_and_repeated_tensors_do_not_get_in_each_others_way(
    function: Callable[..., Any], names: list[str], exporter: str
) -> None:
    model, net = export(function, names, exporter=exporter)
    assert [value.name for value in model.graph.output] == names
    assert gap(model, net, picture()) < TOLERANCE


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_one_tensor_given_for_two_inputs_stays_two_inputs(exporter: str) -> None:
    x = picture()
    model, net = export(
        lambda net, a, b: a + 2 * net.conv(b)[:, :3],
        inputs=(x, x),
        input_names=["a", "b"],
        exporter=exporter,
    )
    assert gap(model, net, x, picture(1, 3, 32, 32) + 1) < TOLERANCE


def test_a_write_through_a_view_that_is_lost_is_refused_and_the_advice_was_tried() -> None:
    with pytest.raises(InputError, match=r"'y' .* differs .* try surgery.exporter=dynamo, which"):
        export(view_written, exporter="torchscript")
    model, net = export(view_written, exporter="dynamo")
    assert gap(model, net, picture()) < TOLERANCE
    model, net = export(view_written, exporter="torchscript", verify=False)
    assert gap(model, net, picture()) > 0.1


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_a_loop_over_a_size_is_refused_where_the_size_is_open(exporter: str) -> None:
    with pytest.raises(InputError, match="try a fixed size") as caught:
        export(loop, exporter=exporter, dynamic=OPEN, inputs=(picture(1, 3, 8, 8),))
    assert "\n" not in str(caught.value)
    model, net = export(loop, exporter=exporter, inputs=(picture(1, 3, 8, 8),))
    assert gap(model, net, picture(1, 3, 8, 8)) < TOLERANCE


def test_a_size_made_with_int_is_refused_with_the_tracers_own_warning() -> None:
    with pytest.raises(InputError, match=r"likely cause: test_verify.py:\d+: Converting a tensor"):
        export(frozen, exporter="torchscript", dynamic=OPEN)


def test_axes_that_the_module_itself_does_not_take_otherwise_are_not_called_open() -> None:
    with pytest.raises(InputError, match=r"height, width .*itself does not run.*x \(2,3,"):
        export(
            lambda net, x: net.conv(x).view(len(x), 4, 32, 32), exporter="torchscript", dynamic=OPEN
        )


def test_a_network_that_draws_random_numbers_is_refused_in_these_words() -> None:
    with pytest.raises(InputError, match="something else at each call"):
        export(lambda net, x: net.conv(x) + torch.randn(32), exporter="torchscript")


class Cosine(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.sin() if torch.onnx.is_in_onnx_export() else x.cos()


def test_the_module_at_which_a_graph_leaves_the_network_is_named() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), Cosine(), nn.Conv2d(4, 4, 1)).eval()
    with pytest.raises(InputError, match=r"first in module '1' \(node '1/Sin'\)"):
        export_onnx(
            net, (picture(),), input_names=["x"], output_names=["y"], exporter="torchscript"
        )


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_types_that_onnx_runtime_cannot_run_are_refused_with_float32_as_the_way_out(
    dtype: torch.dtype,
) -> None:
    net = Net(lambda net, x: net.conv(x)).eval().to(dtype)
    with pytest.raises(InputError, match=r"try float32 \(module.float\(\)"):
        export_onnx(
            net,
            (picture().to(dtype),),
            input_names=["x"],
            output_names=["y"],
            exporter="torchscript",
        )


def test_half_precision_is_compared_by_its_own_rounding() -> None:
    net = Net(lambda net, x: net.conv(x)).eval().half()
    export_onnx(
        net, (picture().half(),), input_names=["x"], output_names=["y"], exporter="torchscript"
    )


def test_the_examples_are_left_as_they_are() -> None:
    x = picture()
    export(lambda net, x: net.conv(x.mul_(2)), inputs=(x,), exporter="torchscript")
    assert torch.equal(x, picture())


def test_second_sizes_keep_the_stride_and_tell_height_width_and_images_apart() -> None:
    stepped, doubled = second_sizes(["x"], (picture(),), OPEN)
    assert stepped[0].shape == (2, 3, 64, 96)
    assert doubled[0].shape == (2, 3, 64, 64)
    assert not torch.equal(stepped[0][0], stepped[0][1])
    assert list(second_sizes(["x"], (picture(),), {})) == []


@pytest.mark.parametrize(
    ("scale", "held"), [({"scale_factor": 2.0}, True), ({"size": (32, 64)}, False)]
)
def test_a_graph_of_one_size_is_held_against_the_module_at_another(
    scale: dict[str, Any], held: bool
) -> None:
    def forward(net: Net, x: Tensor) -> Tensor:
        wanted = scale if "scale_factor" in scale else {"size": x.shape[2:]}
        return functional.interpolate(functional.avg_pool2d(x, 2), **wanted)

    x = picture(1, 3, 32, 64)
    model, net = export(forward, inputs=(x,), exporter="dynamo")
    request = Request(net, (x,), ("x",), ("y",), {}, 18)
    assert holds_at(model, request, (picture(1, 3, 64, 192),)) is held
    model.graph.node[0].op_type, model.graph.node[0].domain = "Unheard", "of"
    assert holds_at(model, request, (picture(1, 3, 64, 192),)) is None
