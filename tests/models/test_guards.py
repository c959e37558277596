"""The export guard under both exporters, and on the network it is for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from models.e2ec import E2EC
from models.layers.deform import DCN
from models.layers.guards import in_onnx_export

EXPORTERS = pytest.mark.parametrize("dynamo", [False, True], ids=["torchscript", "dynamo"])


class Doubles(nn.Module):
    """Doubles its input in a graph, and negates it elsewhere."""

    def forward(self, x: Tensor) -> Tensor:
        return 2 * x if in_onnx_export() else -x


@EXPORTERS
def test_the_guard_is_taken_in_export_and_not_outside(dynamo: bool, tmp_path: Path) -> None:
    module, x, path = Doubles(), torch.ones(2), tmp_path / "guard.onnx"
    assert module(x).tolist() == [-1, -1]
    torch.onnx.export(module, (x,), path, dynamo=dynamo, input_names=["x"], opset_version=18)
    session = onnxruntime.InferenceSession(path)
    (output,) = session.run(None, {"x": x.numpy()})
    assert output.tolist() == [2, 2]
    assert module(x).tolist() == [-1, -1]
    assert not in_onnx_export()


@EXPORTERS
def test_a_failed_export_leaves_the_guard_off(dynamo: bool, tmp_path: Path) -> None:
    class Fails(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise RuntimeError("no")

    with pytest.raises(Exception):  # noqa: B017, PT011 - each exporter has its own
        torch.onnx.export(Fails(), (torch.ones(2),), tmp_path / "fails.onnx", dynamo=dynamo)
    assert not in_onnx_export()


@EXPORTERS
def test_the_whole_network_exports_its_heads_alone(dynamo: bool, tmp_path: Path) -> None:
    """Deformable layers as ordinary operators, sides and batch other than those exported with."""
    torch.manual_seed(0)
    network = E2EC(
        3, points=16, channels=(4, 4, 8, 8, 12, 12), head_conv=8, state_dim=8, fusion_dim=8,
        trans_dim=8,
    ).eval()  # fmt: skip
    for module in network.modules():
        if isinstance(module, DCN):
            nn.init.normal_(module.conv_offset_mask.weight, std=0.1)
    path = tmp_path / "network.onnx"
    dynamic = dict.fromkeys((0, 2, 3), torch.export.Dim.DYNAMIC)
    axes = {"dynamic_shapes": (dynamic,)} if dynamo else {
        "dynamic_axes": {"image": {0: "batch", 2: "height", 3: "width"}}
    }  # fmt: skip
    torch.onnx.export(
        network,
        (torch.randn(2, 3, 64, 96),),
        path,
        dynamo=dynamo,
        input_names=["image"],
        output_names=["ct_hm", "wh", "feature"],
        opset_version=18 if dynamo else 16,
        verbose=False,
        **axes,
    )
    session = onnxruntime.InferenceSession(path)
    assert [output.name for output in session.get_outputs()] == ["ct_hm", "wh", "feature"]
    image = torch.randn(3, 3, 96, 64)
    with torch.no_grad():
        outputs = network(image)
    for name, array in zip(
        ("ct_hm", "wh", "feature"), session.run(None, {"image": image.numpy()}), strict=True
    ):
        # float32 over some forty layers: measured 2e-6
        np.testing.assert_allclose(array, outputs[name].numpy(), rtol=0, atol=5e-5)
