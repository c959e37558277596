"""Networks that nobody here wrote: layers in other people's style, outputs in odd shapes."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from models.layers.deform import DCN, deform_conv2d


class CalledLayer(nn.Module):
    """A deformable layer that is called with offset and mask, as torchvision's is."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, 3, 3) / 8)
        self.bias = None
        self.kernel_size = (3, 3)
        self.stride = self.padding = self.dilation = (1, 1)
        self.groups = 1

    def forward(self, input: Tensor, offset: Tensor, mask: Tensor | None = None) -> Tensor:
        return deform_conv2d(input, offset, mask, self.weight, None, padding=1)


class Foreign(nn.Module):
    """A trunk, two deformable layers in two styles, an in-place sum, and a nested result."""

    def __init__(self, offsets: float = 1.0) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU(True))
        self.predict = nn.Conv2d(8, 27, 3, padding=1)
        self.bend = CalledLayer(8, 12)
        self.norm = nn.BatchNorm2d(12)
        self.packed = DCN(12, 12)
        self.head = nn.Conv2d(12, 2, 1)
        self.side = nn.Conv2d(12, 4, 3, padding=1)
        nn.init.normal_(self.predict.weight, 0.0, 0.5 * offsets)
        nn.init.normal_(self.predict.bias, 0.0, 0.5 * offsets)
        nn.init.normal_(self.packed.conv_offset_mask.weight, 0.0, 0.5 * offsets)
        nn.init.normal_(self.packed.weight, 0.0, 0.2)
        nn.init.normal_(self.head.weight)
        nn.init.normal_(self.packed.conv_offset_mask.bias, 0.0, 0.5 * offsets)

    def forward(self, images: Tensor) -> tuple[Tensor, dict[str, list[Tensor]]]:
        x = self.stem(images)
        predicted = self.predict(x)
        y = self.bend(x, predicted[:, :18], mask=predicted[:, 18:].sigmoid())
        y = self.norm(y)
        y += x.mean(1, keepdim=True)
        y = torch.relu(self.packed(torch.relu(y)))
        return self.head(y), {"sides": [self.side(y)]}


def outputs(result: tuple[Tensor, dict[str, list[Tensor]]]) -> dict[str, Tensor]:
    return {"heat": result[0], "side": result[1]["sides"][0]}


def foreign(offsets: float = 1.0) -> Foreign:
    """A network in evaluation mode, the same every time."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Foreign(offsets).eval()


def smooth_images(count: int, seed: int = 0) -> Tensor:
    """Images (count, 3, 32, 32) with structure that a bilinear sample can follow."""
    noise = torch.randn(count, 3, 8, 8, generator=torch.Generator().manual_seed(seed))
    size = (32, 32)
    return nn.functional.interpolate(noise, size=size, mode="bicubic", align_corners=False)


@pytest.fixture(scope="session")
def zoo() -> SimpleNamespace:
    """`foreign(offsets=1.0)`, `outputs(result)`, `smooth_images(count, seed=0)` and the classes."""
    return SimpleNamespace(
        foreign=foreign,
        outputs=outputs,
        smooth_images=smooth_images,
        CalledLayer=CalledLayer,
        DCN=DCN,
    )
