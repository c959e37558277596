"""float64 that an exporter brought in does not keep a float32 network from running."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from surgery import export_onnx
from surgery.graph.run import run


class Divides(nn.Module):
    """Normalises by the image's sides as torch.tensor, which the TorchScript exporter promotes."""

    def forward(self, image: Tensor) -> Tensor:
        sides = torch.tensor([image.shape[3], image.shape[2]])
        rows = torch.arange(image.shape[2], dtype=torch.float32)
        columns = torch.arange(image.shape[3], dtype=torch.float32)
        y, x = torch.meshgrid(rows, columns, indexing="ij")
        grid = torch.stack((x, y), -1)[None] / sides * 2 - 1
        return F.grid_sample(image, grid, align_corners=False)


class Precise(nn.Module):
    """Computes in float64 on purpose, with operators that ONNX Runtime has in float64."""

    def forward(self, image: Tensor) -> Tensor:
        return ((image.double() + 1e9) - 1e9).float()


@pytest.mark.parametrize("exporter", ["dynamo", "torchscript"])
@pytest.mark.parametrize("network", [Divides, Precise])
def test_a_float32_network_gives_what_the_module_gives(
    network: type[nn.Module], exporter: str
) -> None:
    module, image = network().eval(), torch.rand(1, 2, 6, 8)
    model = export_onnx(
        module, (image,), input_names=["x"], output_names=["y"], opset=17, exporter=exporter
    )
    given = run(model, {"x": image.numpy()})["y"]
    np.testing.assert_allclose(given, module(image).numpy(), atol=1e-6)
