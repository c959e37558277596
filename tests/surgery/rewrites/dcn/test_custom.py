"""Nodes of run times' own plugins: laid out as those read them, computing what the layer does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator
from torch import Tensor, nn

from postprocess.errors import InputError
from surgery.export.export import export_onnx
from surgery.graph.plugins import standard
from surgery.graph.run import run
from surgery.passes import Check, run_passes
from surgery.rewrites import rewriting
from surgery.support.ledger import Ledger

# ONNX Runtime in float32 against numpy in float64 and torch, outputs of up to 10: 4e-6 measured.
from .reference import REFERENCE_OPERATORS, deform_conv

NOISE = 5e-5
NODES = {
    "tensorrt": (
        ("trt.plugins", "DCNv2"),
        {"stride": 1, "padding": 1, "dilation": 1, "groups": 1, "deformable_group": 2},
    ),
    "mmdeploy": (
        ("mmdeploy", "MMCVModulatedDeformConv2d"),
        {
            "stride": [1, 1],
            "padding": [1, 1],
            "dilation": [1, 1],
            "groups": 1,
            "deform_groups": 2,
        },
    ),
}


def exported(net: nn.Module, x: Tensor, exporter: str, preset: str) -> onnx.ModelProto:
    with rewriting(net, "dcn.custom", options={"custom": preset}) as (operated, ledger):
        assert ledger.fired()[0].exact
        return export_onnx(
            operated,
            (x,),
            input_names=["image"],
            output_names=["y"],
            exporter=exporter,
            # with open sizes the dynamo exporter takes half a minute, for the same nodes
            dynamic={"image": {0: "batch", 2: "height", 3: "width"}}
            if exporter != "dynamo"
            else {},
        )


@pytest.mark.parametrize("preset", ["tensorrt", "mmdeploy"])
@pytest.mark.parametrize("exporter", ["dynamo", "torchscript"])
def test_the_plugins_node_goes_through_export_and_passes_and_computes_the_same(
    preset: str, exporter: str, case: Callable[..., Any]
) -> None:
    one = case("charlesshang", deform_groups=2)
    net = nn.Sequential(one.build(), nn.BatchNorm2d(6), nn.ReLU()).eval()
    with torch.no_grad():
        net[1].running_mean.uniform_(-1, 1)
        net[1].running_var.uniform_(0.5, 2)
        (x,), (other,) = one.arguments(2), one.arguments(3, (11, 6), 5)
        images = (x,) if exporter == "dynamo" else (x, other)
        expected = {image: net(image).numpy() for image in images}
    model = exported(net, x, exporter, preset)
    ledger = Ledger()
    model = run_passes(model, ledger=ledger, check=Check({"image": x.numpy()}))
    assert not [entry for entry in ledger.entries if "taken back" in entry.reason]
    name, attributes = NODES[preset]
    (node,) = [node for node in model.graph.node if node.domain]
    assert (node.domain, node.op_type) == name
    assert {a.name: helper.get_attribute_value(a) for a in node.attribute} == attributes
    assert {entry.domain: entry.version for entry in model.opset_import}[name[0]] == 1
    weights = {tensor.name for tensor in model.graph.initializer}
    assert [entry in weights for entry in node.input] == [False, False, False, True, True]
    assert "BatchNormalization" not in {node.op_type for node in model.graph.node}
    reference = ReferenceEvaluator(model, new_ops=REFERENCE_OPERATORS)
    for image, wanted in expected.items():
        feeds = {"image": image.numpy()}
        np.testing.assert_allclose(reference.run(None, feeds)[0], wanted, atol=NOISE, rtol=0)
        np.testing.assert_allclose(run(standard(model), feeds)["y"], wanted, atol=NOISE, rtol=0)


def test_a_layer_without_a_mask_gets_one_of_ones(case: Callable[..., Any]) -> None:
    one = case("torchvision_unbiased")
    x, offset, _ = one.arguments(2)
    layer = one.build()

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.offset = layer, nn.Parameter(offset[:1])

        def forward(self, x: Tensor) -> Tensor:
            result: Tensor = self.layer(x, self.offset)
            return result

    net = Net().eval()
    with torch.no_grad():
        expected = net(x[:1]).numpy()
    with rewriting(net, "dcn.custom"):
        model = export_onnx(
            net,
            (x[:1],),
            input_names=["image"],
            output_names=["y"],
            exporter="torchscript",
        )
    found = run(model, {"image": x[:1].numpy()})["y"]
    np.testing.assert_allclose(found, expected, atol=NOISE, rtol=0)


@pytest.mark.parametrize(
    ("preset", "sizes", "message"),
    [
        ("tensorrt", {"groups": 2}, "tensorrt's plugin knows no groups, this layer has 2"),
        ("tensorrt", {"kernel": (3, 2)}, "has one kernel for both axes, this layer's is 3x2"),
        ("tensorrt", {"stride": (2, 1)}, "has one stride for both axes, this layer's is 2x1"),
        ("mmdeploy", {"padding": (0, 1)}, "has one padding for both axes, this layer's is 0x1"),
        ("mmdeploy", {"groups": 2}, "mixes up deformable groups where there are groups"),
        ("tvm", {}, "dcn.custom knows tensorrt and mmdeploy, got 'tvm'"),
    ],
)
def test_what_a_plugin_would_compute_wrongly_is_refused(
    preset: str, sizes: dict[str, Any], message: str, case: Callable[..., Any]
) -> None:
    layer = case("torchvision", **sizes).build()
    with pytest.raises(InputError, match=message):
        rewriting(layer, "dcn.custom", options={"custom": preset}).__enter__()


def test_outside_an_export_it_computes_as_the_layer_to_the_bit(case: Callable[..., Any]) -> None:
    one = case("charlesshang")
    layer, (x,) = one.build(), one.arguments()
    expected = layer(x)
    with rewriting(layer, "dcn.custom") as (operated, _):
        assert torch.equal(operated(x), expected)


@given(data=st.data(), seed=st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_the_reference_operator_agrees_with_onnx_runtimes_deform_conv(
    data: st.DataObject, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    kh, kw, sh, sw, dh, dw = (data.draw(st.integers(1, 3)) for _ in range(6))
    ph, pw = (data.draw(st.integers(0, 3)) for _ in range(2))
    group, offset_group = (data.draw(st.sampled_from([1, 2])) for _ in range(2))
    size = (12, 11)
    rows = (size[0] + 2 * ph - dh * (kh - 1) - 1) // sh + 1
    columns = (size[1] + 2 * pw - dw * (kw - 1) - 1) // sw + 1
    maps = offset_group * kh * kw
    arrays = {
        "x": rng.normal(size=(2, 4, *size)),
        "w": rng.normal(size=(6, 4 // group, kh, kw)),
        "offset": 3 * rng.normal(size=(2, 2 * maps, rows, columns)),
        "b": rng.normal(size=6),
        "mask": rng.uniform(size=(2, maps, rows, columns)),
    }
    feeds = {name: array.astype(np.float32) for name, array in arrays.items()}
    attributes: dict[str, Any] = {
        "strides": [sh, sw],
        "pads": [ph, pw, ph, pw],
        "dilations": [dh, dw],
        "group": group,
        "offset_group": offset_group,
    }
    node = helper.make_node("DeformConv", [*feeds], ["y"], **attributes)
    model = helper.make_model(
        helper.make_graph(
            [node],
            "one",
            [
                helper.make_tensor_value_info(n, TensorProto.FLOAT, a.shape)
                for n, a in feeds.items()
            ],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        ),
        opset_imports=[helper.make_opsetid("", 19)],
        ir_version=9,
    )
    expected = run(model, feeds)["y"]
    x, w, offset, b, mask = feeds.values()
    found = deform_conv(x, offset, mask, w, b, **attributes)
    np.testing.assert_allclose(found, expected, atol=NOISE, rtol=0)
