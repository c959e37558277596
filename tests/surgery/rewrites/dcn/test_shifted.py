"""Sums of shifted images equal the layer where no offset lies beyond, in few operators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import onnx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from postprocess.errors import InputError
from surgery.export.export import export_onnx
from surgery.graph.run import run
from surgery.rewrites import rewriting
from surgery.rewrites.dcn import OffsetStatistics, statistics
from surgery.rewrites.dcn.shift.logistic import Logistic
from surgery.rewrites.dcn.shift.sums_node import expand

# Largest difference seen to the float64 reference on outputs of up to 10: 2e-6.
NOISE = 2e-5
OPERATORS = {"Pad", "Slice", "Mul", "Add", "Relu", "Conv"}


class Called(nn.Module):
    """A layer whose offsets and mask come with the call, given once."""

    def __init__(self, layer: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        super().__init__()
        self.layer, self.arguments = layer, arguments

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.layer(x, *self.arguments)
        return result


def network(one: Any, offset_scale: float, seed: int, batch: int = 2) -> tuple[nn.Module, Tensor]:
    """One layer and an input; offsets of about ``offset_scale`` pixels."""
    layer = one.build(offset_scale, seed)
    x, *rest = one.arguments(batch, (9, 8), seed)
    if rest:
        rest[0] = rest[0] / 3 * offset_scale
    return Called(layer, tuple(rest)), x


@st.composite
def sizes(draw: st.DrawFn) -> dict[str, Any]:
    def pair(low: int, high: int) -> tuple[int, int]:
        return draw(st.integers(low, high)), draw(st.integers(low, high))

    return {
        "kernel": pair(1, 3),
        "stride": pair(1, 3),
        "padding": pair(0, 3),
        "dilation": pair(1, 2),
        "groups": draw(st.sampled_from([1, 2])),
        "deform_groups": draw(st.sampled_from([1, 2, 4])),
        "outputs": draw(st.sampled_from([2, 6])),  # with 2 of 4 channels it convolves first
    }


@pytest.mark.parametrize("name", ["charlesshang", "torchvision_unbiased"])
@given(sizes=sizes(), seed=st.integers(0, 99))
@settings(max_examples=8, deadline=None)
def test_it_equals_the_layer_for_all_sizes(
    name: str, sizes: dict[str, Any], seed: int, case: Callable[..., Any]
) -> None:
    if name == "charlesshang":
        sizes["groups"] = 1
    net, x = network(case(name, **sizes), 0.7, seed)
    with torch.no_grad():
        expected = net(x)
        with rewriting(net, "dcn.shifted", calibration=statistics(net, [x])) as (operated, ledger):
            torch.testing.assert_close(operated(x), expected, atol=NOISE, rtol=0)
    (entry,) = ledger.fired()
    assert entry.effect is not None
    assert entry.effect["beyond"] == 0


def test_a_layer_without_a_mask_is_taken(case: Callable[..., Any]) -> None:
    layer = case("torchvision").build()
    x, offset, _ = case("torchvision").arguments(2)
    net = Called(layer, (offset / 3,))
    expected = layer(x, offset / 3)
    with rewriting(net, "dcn.shifted", calibration=statistics(net, [x])) as (operated, _):
        torch.testing.assert_close(operated(x), expected, atol=NOISE, rtol=0)


def test_offsets_beyond_are_read_at_the_border_of_the_span(case: Callable[..., Any]) -> None:
    one = case("torchvision")
    layer = one.build()
    x, offset, mask = one.arguments(2)
    expected = layer(x, offset.clamp(-2, 2), mask)
    measured = {"": OffsetStatistics(1, torch.zeros(1, 9, 2), torch.ones(1, 9), 0.0, counts())}
    with rewriting(layer, "dcn.shifted", calibration=measured, options={"radius": 2}) as (
        operated,
        _,
    ):
        for far in (offset, offset * 1e6):
            found = operated(x, far, mask)
            assert found.isfinite().all()
        torch.testing.assert_close(operated(x, offset, mask), expected, atol=NOISE, rtol=0)


def counts() -> Tensor:
    """All samples of nine taps at offsets from 0 to 1, but one in ten from 5 to 6 downwards."""
    found = torch.zeros(1, 9, 32, 32, dtype=torch.float64)
    found[..., 16, 16] = 9
    found[..., 21, 16] = 1
    return found


@pytest.mark.parametrize(
    ("options", "radius", "displacements", "beyond"),
    [
        ({}, 6, 9 * 14, 0.0),
        ({"beyond": 0.05}, 6, 4 * 4 + 5 * 14, 0.1 * 4 / 9),
        ({"beyond": 0.1}, 1, 9 * 4, 0.1),
        ({"max_radius": 3}, 3, 9 * 8, 0.1),
        ({"radius": 1}, 1, 9 * 9, 0.1),
    ],
)
def test_the_ledger_says_how_far_it_reaches_and_what_lies_beyond(
    options: dict[str, Any],
    radius: int,
    displacements: int,
    beyond: float,
    case: Callable[..., Any],
) -> None:
    measured = {"": OffsetStatistics(1, torch.zeros(1, 9, 2), torch.ones(1, 9), 6.0, counts())}
    layer = case("charlesshang").build()
    with rewriting(layer, "dcn.shifted", calibration=measured, options=options) as (_, ledger):
        (entry,) = ledger.fired()
    assert not entry.exact
    assert entry.effect == pytest.approx(
        {"radius": radius, "displacements": displacements, "beyond": beyond}
    )


def test_statistics_count_offsets_by_whole_pixels(case: Callable[..., Any]) -> None:
    one = case("torchvision", kernel=(1, 1), padding=(0, 0))
    x = torch.zeros(1, 4, 1, 3)
    offset = torch.tensor([[[[-0.5, 1.25, 99.0]], [[0.0, -3.0, -99.0]]]])
    net = Called(one.build(), (offset,))
    found = statistics(net, [x, x])["layer"].counts
    assert found is not None
    assert found.dtype == torch.float64
    expected = torch.zeros(1, 1, 32, 32, dtype=torch.float64)
    for row, column in ((15, 16), (17, 13), (31, 0)):
        expected[0, 0, row, column] = 2
    assert torch.equal(found, expected)


@pytest.mark.parametrize(
    ("options", "calibration", "message"),
    [
        ({}, {}, "dcn.shifted needs the offset statistics of layer ''"),
        ({"radius": 0}, {}, "a radius from 1 to 15 pixels is expected, got 0"),
        ({"max_radius": 16}, None, "a radius from 1 to 15 pixels is expected, got 16"),
        ({"beyond": 1.5}, None, "beyond expects a share from 0 to 1, got 1.5"),
    ],
)
def test_what_it_lacks_is_said(
    options: dict[str, Any],
    calibration: dict[str, Any] | None,
    message: str,
    case: Callable[..., Any],
) -> None:
    if calibration is None:
        measured = OffsetStatistics(1, torch.zeros(1, 9, 2), torch.ones(1, 9), 6.0, counts())
        calibration = {"": measured}
    layer = case("charlesshang").build()
    with pytest.raises(InputError, match=message):
        rewriting(layer, "dcn.shifted", calibration=calibration, options=options).__enter__()


def test_the_sigmoid_in_plain_operators_is_exact_to_float32_rounding() -> None:
    u = torch.cat([torch.linspace(-30, 30, 60001), torch.tensor([-1e30, -0.0, 1e-20, 1e30])])
    found = Logistic(1, 0, u)(u.reshape(1, 1, 1, -1)).flatten()
    error = (found.double() - u.double().sigmoid()).abs().max()
    assert error < 2e-6  # 6.2e-7 measured; float32 itself resolves 6e-8
    assert found.min() >= -2e-6
    assert found.max() <= 1 + 2e-6


def exported(net: nn.Module, x: Tensor, exporter: str) -> onnx.ModelProto:
    return export_onnx(
        net.eval(),
        (x,),
        input_names=["image"],
        output_names=["y"],
        exporter=exporter,
        # with open sizes the dynamo exporter takes half a minute, for the same nodes
        dynamic={"image": {0: "batch", 2: "height", 3: "width"}} if exporter != "dynamo" else {},
    )


@pytest.mark.parametrize(
    ("exporter", "more"),
    [
        ("dynamo", {"kernel": (2, 2), "outputs": 2}),
        ("torchscript", {"stride": (2, 2), "deform_groups": 2}),
        ("torchscript", {"outputs": 2}),
    ],
)
def test_the_graph_holds_six_operators_and_no_size_of_the_image(
    exporter: str, more: dict[str, Any], case: Callable[..., Any]
) -> None:
    one = case("charlesshang", **more)
    net = nn.Sequential(one.build(0.7)).eval()
    x, other = one.arguments(2, (9, 8), 1)[0], one.arguments(3, (12, 7), 2)[0]
    found = statistics(net, [x, other])
    with torch.no_grad():
        expected = net(x), net(other)
    with rewriting(net, "dcn.shifted", calibration=found, options={"deferred": True}):
        model = expand(exported(net, x, exporter))
    assert {node.op_type for node in model.graph.node} <= OPERATORS | {"Identity"}
    assert {entry.domain for entry in model.opset_import} == {""}
    onnx.checker.check_model(model, full_check=True)
    if exporter == "dynamo":
        expected = expected[:1]
    for image, wanted in zip((x, other), expected, strict=False):
        got = torch.from_numpy(run(model, {"image": image.numpy()})["y"])
        torch.testing.assert_close(got, wanted, atol=NOISE, rtol=0)


def test_the_node_that_stands_for_the_sums_computes_the_same(case: Callable[..., Any]) -> None:
    one = case("charlesshang", deform_groups=2)
    net = nn.Sequential(one.build(0.7)).eval()
    (x,) = one.arguments(2)
    with torch.no_grad():
        expected = net(x)
    options = {"deferred": True}
    with rewriting(net, "dcn.shifted", calibration=statistics(net, [x]), options=options):
        model = exported(net, x, "torchscript")
    assert any(node.op_type == "ShiftedDeformConv" for node in model.graph.node)
    got = torch.from_numpy(run(model, {"image": x.numpy()})["y"])  # by DeformConv
    torch.testing.assert_close(got, expected, atol=NOISE, rtol=0)
