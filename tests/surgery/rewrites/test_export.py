"""Every strategy through both exporters into ONNX Runtime, batch 1 and 3, any image size."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnx.version_converter
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from surgery.rewrites import rewriting
from surgery.rewrites.dcn import statistics

# ONNX Runtime against PyTorch, both float32, for outputs of up to 10: measured up to 8e-6.
NOISE = 1e-4


class Net(nn.Module):
    """Four deformable layers of different layouts and sizes, one after the other."""

    def __init__(self, case: Callable[..., Any]) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.v2 = case("charlesshang", (3, 2), (2, 1), (2, 0), deform_groups=2).build(seed=1)
        called = case("torchvision_unbiased", (2, 3), dilation=(2, 1), groups=2, channels=6)
        self.maps, self.called_offsets = called.maps, nn.Conv2d(6, 3 * called.maps, 3, padding=1)
        self.called = called.build(seed=2)
        self.unmasked = case("torchvision", (1, 1), padding=(0, 0), channels=6).build(seed=3)
        self.narrow = nn.Conv2d(6, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.v2(self.stem(x)).relu()
        predicted = 3 * self.called_offsets(x)
        offset, mask = predicted[:, : 2 * self.maps], predicted[:, 2 * self.maps :].sigmoid()
        x = self.called(x, offset, mask).relu()
        return self.unmasked(x, self.narrow(x))  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def net(case: Callable[..., Any]) -> nn.Module:
    torch.manual_seed(0)
    return Net(case).eval()


@pytest.fixture(scope="module")
def images() -> list[Tensor]:
    generator = torch.Generator().manual_seed(7)
    return [torch.randn(n, 3, h, w, generator=generator) for n, h, w in ((1, 10, 13), (3, 14, 9))]


def _export(model: nn.Module, x: Tensor, opset: int, exporter: str) -> onnx.ModelProto:
    buffer = io.BytesIO()
    names = {"input_names": ["x"], "output_names": ["y"]}
    axes = {0: "batch", 2: "height", 3: "width"}
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if exporter == "dynamo":
                shapes = (dict.fromkeys(axes, torch.export.Dim.DYNAMIC),)
                program = torch.onnx.export(
                    model,
                    (x,),
                    dynamo=True,
                    opset_version=opset,
                    dynamic_shapes=shapes,
                    verbose=False,
                    **names,
                )
                assert program is not None
                return program.model_proto
            torch.onnx.export(
                model,
                (x,),
                buffer,
                dynamo=False,
                opset_version=opset,
                dynamic_axes={"x": axes, "y": axes},
                **names,
            )
    finally:
        logger.setLevel(level)
    return onnx.load_from_string(buffer.getvalue())


def _operators(model: onnx.ModelProto) -> set[str]:
    assert not model.functions
    return {node.op_type for node in model.graph.node}


def _assert_agrees(model: onnx.ModelProto, operated: nn.Module, images: list[Tensor]) -> None:
    onnx.checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    for x in images:
        (found,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
        with torch.no_grad():
            expected = operated(x).numpy()
        np.testing.assert_allclose(found, expected, atol=NOISE, rtol=0)


@pytest.mark.parametrize(
    ("exporter", "opset"), [("dynamo", 18), ("torchscript", 11), ("torchscript", 20)]
)
def test_plain_holds_no_more_than_convolutions(
    exporter: str, opset: int, net: nn.Module, images: list[Tensor]
) -> None:
    with rewriting(net, "dcn.plain", opset=opset) as (operated, _):
        model = _export(operated, images[1], opset, exporter)
        # the convolution that gave offsets to a layer called with them is gone, too
        assert _operators(model) == {"Conv", "Relu"}
        assert sum(node.op_type == "Conv" for node in model.graph.node) == 4
        _assert_agrees(model, operated, images)


@pytest.mark.parametrize(("exporter", "opset"), [("dynamo", 18), ("torchscript", 11)])
def test_folded_holds_no_more_than_convolutions(
    exporter: str, opset: int, net: nn.Module, images: list[Tensor]
) -> None:
    calibration = statistics(net, images)
    with rewriting(net, "dcn.folded", opset=opset, calibration=calibration) as (operated, _):
        model = _export(operated, images[1], opset, exporter)
        assert _operators(model) == {"Conv", "Relu"}
        _assert_agrees(model, operated, images)


@pytest.mark.parametrize(
    ("exporter", "opset"),
    [("dynamo", 19), ("dynamo", 22), ("torchscript", 19), ("torchscript", 20)],
)
def test_native_exports_the_operator_and_agrees_with_the_layer(
    exporter: str, opset: int, net: nn.Module, images: list[Tensor]
) -> None:
    with rewriting(net, "dcn.native", opset=opset) as (operated, _):
        model = _export(operated, images[1], opset, exporter)
    assert model.opset_import[0].version == opset
    nodes = [node for node in model.graph.node if node.op_type == "DeformConv"]
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in nodes[0].attribute}
    assert attributes == {
        "kernel_shape": [3, 2],
        "strides": [2, 1],
        "pads": [2, 0, 2, 0],
        "dilations": [1, 1],
        "group": 1,
        "offset_group": 2,
    }
    assert [len(node.input) for node in nodes] == [5, 5, 4]
    assert "GridSample" not in _operators(model)
    _assert_agrees(model, net, images)


@pytest.mark.parametrize(
    ("exporter", "opset"),
    [("dynamo", 16), ("torchscript", 16), ("torchscript", 20)],
)
def test_decomposed_from_opset_16_on_samples_by_grid_sample(
    exporter: str, opset: int, net: nn.Module, images: list[Tensor]
) -> None:
    with rewriting(net, "dcn.decomposed", opset=opset) as (operated, _):
        model = _export(operated, images[1], opset, exporter)
    assert model.opset_import[0].version == opset
    assert "DeformConv" not in _operators(model)
    assert sum(node.op_type == "GridSample" for node in model.graph.node) == 3
    _assert_agrees(model, net, images)


@pytest.mark.parametrize("opset", [11, 13, 15])
def test_decomposed_below_opset_16_needs_neither_grid_sample_nor_deform_conv(
    opset: int, net: nn.Module, images: list[Tensor]
) -> None:
    with rewriting(net, "dcn.decomposed", opset=opset) as (operated, _):
        model = _export(operated, images[1], opset, "torchscript")
    assert model.opset_import[0].version == opset
    assert not {"GridSample", "DeformConv", "GatherND", "ScatterND"} & _operators(model)
    _assert_agrees(model, net, images)


def test_decomposed_below_opset_16_goes_through_dynamo_and_a_conversion(
    net: nn.Module, images: list[Tensor]
) -> None:
    # The exporter itself starts at opset 18, and its own conversion stops at an Identity; onnx
    # converts what it gives down to 15 (to 14 where the sizes are fixed and no Shape is left).
    small = nn.Sequential(net.stem, net.v2)
    with rewriting(small, "dcn.decomposed", opset=15) as (operated, _):
        model = _export(operated, images[1], 18, "dynamo")
    model = onnx.version_converter.convert_version(model, 15)
    assert model.opset_import[0].version == 15
    assert not {"GridSample", "DeformConv"} & _operators(model)
    _assert_agrees(model, small, images)


def test_strategies_mix_by_layer_in_one_graph(net: nn.Module, images: list[Tensor]) -> None:
    names = {"v2": "dcn.native", "called": "dcn.decomposed", "*": "dcn.plain"}
    with rewriting(net, names, opset=19) as (operated, _):
        model = _export(operated, images[1], 19, "torchscript")
        assert {"DeformConv", "GridSample"} <= _operators(model)
        _assert_agrees(model, operated, images)


@pytest.mark.parametrize("name", ["ModulatedDeformConv2dPack", "DeformConv2dPack"])
@pytest.mark.parametrize(("rewrite", "opset"), [("dcn.native", 19), ("dcn.decomposed", 16)])
def test_layers_of_mmcv_export_without_their_own_operator(
    name: str, rewrite: str, opset: int, case: Callable[..., Any]
) -> None:
    one = case(name, groups=2, deform_groups=2)
    model = nn.Sequential(one.build())
    images = [*one.arguments(1, seed=1), *one.arguments(3, (6, 8), seed=2)]
    with rewriting(model, rewrite, opset=opset) as (operated, _):
        exported = _export(operated, images[1], opset, "torchscript")
    assert {node.domain for node in exported.graph.node} == {""}
    _assert_agrees(exported, model, images)


def test_an_export_does_not_change_what_leaving_the_context_gives_back(
    net: nn.Module, images: list[Tensor]
) -> None:
    with torch.no_grad():
        expected = net(images[0])
        with rewriting(net, "dcn.native", opset=19) as (operated, _):
            _export(operated, images[1], 19, "torchscript")
            assert torch.equal(operated(images[0]), expected)
        assert torch.equal(net(images[0]), expected)
