"""The export guard under both exporters, and on the network it is for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
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


def exported(
    module: nn.Module, image: Tensor, path: Path, dynamo: bool, outputs: list[str], open_sides: bool
) -> onnxruntime.InferenceSession:
    options: dict[str, Any] = {}
    if open_sides and dynamo:
        options["dynamic_shapes"] = (dict.fromkeys((0, 2, 3), torch.export.Dim.DYNAMIC),)
    elif open_sides:
        options["dynamic_axes"] = {"image": {0: "batch", 2: "height", 3: "width"}}
    torch.onnx.export(
        module,
        (image,),
        path,
        dynamo=dynamo,
        input_names=["image"],
        output_names=outputs,
        opset_version=18 if dynamo else 16,
        verbose=False,
        **options,
    )
    return onnxruntime.InferenceSession(path)


def deformed(module: nn.Module) -> nn.Module:
    """The module with offsets of a pixel or so, which a new one lacks."""
    for layer in module.modules():
        if isinstance(layer, DCN):
            nn.init.normal_(layer.conv_offset_mask.weight, std=0.1)
    return module.eval()


@EXPORTERS
def test_a_deformable_layer_exports_as_ordinary_operators_for_any_size(
    dynamo: bool, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    layer = deformed(DCN(6, 4, kernel_size=(3, 5), stride=(1, 2), padding=2, deformable_groups=2))
    path = tmp_path / "layer.onnx"
    session = exported(layer, torch.randn(2, 6, 9, 12), path, dynamo, ["y"], open_sides=True)
    assert {node.domain for node in onnx.load(path).graph.node} == {""}
    image = torch.randn(3, 6, 14, 8)
    (output,) = session.run(None, {"image": image.numpy()})
    # float32 sums of 90 products: measured 5e-7
    np.testing.assert_allclose(output, layer(image).detach().numpy(), rtol=0, atol=1e-5)


@EXPORTERS
def test_the_whole_network_exports_its_heads_alone(dynamo: bool, tmp_path: Path) -> None:
    """TorchScript with open sides; torch.export (2.13) cannot reason about DLA's."""
    torch.manual_seed(0)
    widths = {"head_conv": 8, "state_dim": 8, "fusion_dim": 8, "trans_dim": 8}
    network = deformed(E2EC(3, points=16, channels=(4, 4, 8, 8, 12, 12), **widths))
    names = ["ct_hm", "wh", "feature"]
    example = torch.randn(2, 3, 64, 96)
    session = exported(
        network, example, tmp_path / "network.onnx", dynamo, names, open_sides=not dynamo
    )
    assert [output.name for output in session.get_outputs()] == names
    image = torch.randn(2, 3, 64, 96) if dynamo else torch.randn(3, 3, 96, 64)
    with torch.no_grad():
        outputs = network(image)
    for name, array in zip(names, session.run(None, {"image": image.numpy()}), strict=True):
        # float32 over some forty layers: measured 2e-6
        np.testing.assert_allclose(array, outputs[name].numpy(), rtol=0, atol=5e-5)
