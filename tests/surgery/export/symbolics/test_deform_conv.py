"""Deformable convolution that a network calls as a function, at every opset, by both exporters.

torchvision need not be installed: its operator is declared by its schema, with this project's own
sampling as its kernel, which the tests of ``surgery.dcn`` hold against mmcv's.

Tolerance: samples at coordinates of up to 20 pixels in float32, 24 products that add up to 38; 3e-5
measured.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn

from postprocess.errors import InputError
from surgery.export.export import export_onnx
from surgery.export.symbolics import DEFAULT
from surgery.export.symbolics.record import KEY
from surgery.graph.run import run
from surgery.rewrites.dcn.recognise import Geometry
from surgery.rewrites.dcn.sampling import deform_conv2d, sample_gather, tap_positions

from .cases import EXPORTERS, image, operators

SCHEMA = (
    "deform_conv2d(Tensor input, Tensor weight, Tensor offset, Tensor mask, Tensor bias, "
    "SymInt stride_h, SymInt stride_w, SymInt pad_h, SymInt pad_w, SymInt dilation_h, "
    "SymInt dilation_w, SymInt groups, SymInt offset_groups, bool use_mask) -> Tensor"
)
TOLERANCE = 1e-4
# torch names an operator of a library that is loaded by its place in a message that it never filled
UNSUPPORTED = r"UnsupportedOperatorError.* (torchvision::deform_conv2d|namespace \{op_name\})"


def kernel(x, weight, offset, mask, bias, *numbers):  # type: ignore[no-untyped-def]
    sh, sw, ph, pw, dh, dw, groups, offset_groups, use_mask = numbers
    geometry = Geometry(
        in_channels=x.shape[1],
        out_channels=weight.shape[0],
        kernel=tuple(weight.shape[2:]),
        stride=(sh, sw),
        padding=(ph, pw),
        dilation=(dh, dw),
        groups=groups,
        deform_groups=offset_groups,
    )
    given = mask if use_mask else None
    taps = tap_positions(geometry, offset)
    return deform_conv2d(x, offset, given, weight, bias, geometry, taps, sample_gather)


@pytest.fixture(scope="module", autouse=True)
def torchvision() -> Iterator[None]:
    if importlib.util.find_spec("torchvision"):
        importlib.import_module("torchvision")
    library = torch.library.Library("torchvision", "FRAGMENT")
    if not hasattr(torch.ops.torchvision, "deform_conv2d"):
        library.define(SCHEMA)
        library.impl("deform_conv2d", kernel, "CPU")
        library.impl(
            "deform_conv2d",
            lambda x, w, offset, *rest: x.new_empty(x.shape[0], w.shape[0], *offset.shape[2:]),
            "Meta",
        )
    yield
    library._destroy()


class Called(nn.Module):
    """Computes offsets and mask from the image, a few pixels large, and calls the function.

    Strides, padding, dilation and the kernel differ between the axes, and there are two groups of
    either kind.
    """

    def __init__(self, use_mask: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.use_mask = use_mask
        self.weight = nn.Parameter(torch.randn(6, 4, 3, 2))
        self.bias = nn.Parameter(torch.randn(6))
        self.offset = nn.Conv2d(8, 2 * 2 * 6, (3, 2), (2, 1), (2, 1))
        self.mask = nn.Conv2d(8, 2 * 6, (3, 2), (2, 1), (2, 1))

    def forward(self, x: Tensor) -> Tensor:
        offset = self.offset(x)
        mask = self.mask(x).sigmoid() if self.use_mask else x.new_zeros(x.shape[0], 1)
        function: Any = torch.ops.torchvision.deform_conv2d
        made: Tensor = function(
            x, self.weight, offset, mask, self.bias, 2, 1, 3, 1, 2, 1, 2, 2, self.use_mask
        )
        return made


def export(
    net: nn.Module, opset: int, exporter: str, symbolics: tuple[str, ...] = DEFAULT, **options: Any
) -> onnx.ModelProto:
    return export_onnx(
        net.eval(),
        (image(),),
        input_names=["x"],
        output_names=["y"],
        opset=opset,
        exporter=exporter,
        symbolics=symbolics,
        **options,
    )


def difference(model: onnx.ModelProto, net: nn.Module, x: Tensor) -> float:
    found, wanted = run(model, {"x": x.numpy()})["y"], net(x).detach().numpy()
    assert found.shape == wanted.shape
    return float(np.abs(found - wanted).max())


@pytest.mark.parametrize(
    ("exporter", "opset", "message"),
    [
        ("torchscript", 19, UNSUPPORTED),
        ("torchscript", 11, UNSUPPORTED),
        ("dynamo", 18, "No ONNX function found for .*torchvision.deform_conv2d"),
    ],
)
def test_without_it_no_exporter_has_a_form_for_the_function(
    exporter: str, opset: int, message: str
) -> None:
    if exporter == "dynamo" and importlib.util.find_spec("torchvision"):
        pytest.skip("with torchvision installed, dynamo knows its function from opset 19 on")
    with pytest.raises(InputError, match=message):
        export(Called(True), opset, exporter, symbolics=())


@pytest.mark.parametrize("use_mask", [True, False])
@pytest.mark.parametrize("exporter", EXPORTERS)
def test_it_is_one_operator_from_opset_19_on(exporter: str, use_mask: bool) -> None:
    net = Called(use_mask)
    model = export(net, 19, exporter)
    (node,) = [node for node in model.graph.node if node.op_type == "DeformConv"]
    assert len(node.input) == 4 + use_mask
    assert "GatherElements" not in operators(model)
    assert difference(model, net, image()) < TOLERANCE


@pytest.mark.parametrize("use_mask", [True, False])
@pytest.mark.parametrize(("exporter", "opset"), [("torchscript", 11), ("dynamo", 18)])
def test_below_it_is_ordinary_operators(exporter: str, opset: int, use_mask: bool) -> None:
    net = Called(use_mask)
    model = export(net, opset, exporter)
    assert not {"DeformConv", "GridSample"} & operators(model)
    assert {e.key: e.value for e in model.metadata_props}[KEY] == "deform_conv.decomposed"
    assert difference(model, net, image()) < TOLERANCE


def test_dynamo_reaches_opset_11_too() -> None:
    net = Called(True)
    assert difference(export(net, 11, "dynamo"), net, image()) < TOLERANCE


@pytest.mark.parametrize("opset", [17, 19])
def test_open_sizes_stay_open(opset: int) -> None:
    net = Called(True)
    sizes = {"x": {0: "batch", 2: "height", 3: "width"}}
    model = export(net, opset, "torchscript", dynamic=sizes)
    for shape in ((2, 8, 8, 12), (3, 8, 5, 17)):
        assert difference(model, net, image(*shape)) < TOLERANCE
