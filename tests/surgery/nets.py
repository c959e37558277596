"""Small networks that stand in for large ones, and how the tests export them."""

from __future__ import annotations

from typing import Any

import onnx
import torch
from torch import Tensor, nn
from torch.nn import functional

from surgery.export.export import export_onnx

DYNAMIC = {
    "image": {0: "batch", 2: "height", 3: "width"},
    "head": {0: "batch", 2: "height", 3: "width"},
}


class Backbone(nn.Module):
    """Conv, BatchNorm, ReLU, ConvTranspose, Concat, MaxPool, Add: all that a plain backbone has."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU()
        )
        self.down = nn.Sequential(
            nn.Conv2d(8, 8, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU()
        )
        self.pool = nn.MaxPool2d(2)
        self.up = nn.ConvTranspose2d(8, 8, 4, stride=2, padding=1, groups=8, bias=False)
        self.head = nn.Conv2d(16, 4, 1)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        fine = self.stem(image)
        coarse = self.down(fine)
        fused = torch.cat([self.up(coarse) + fine, fine], 1)
        return self.head(fused), self.pool(coarse)


class Warp(nn.Module):
    """Moves its input by a fixed flow through grid_sample."""

    def forward(self, x: Tensor) -> Tensor:
        grid = torch.zeros(x.shape[0], x.shape[2], x.shape[3], 2)
        return functional.grid_sample(x, grid, align_corners=False)


class Warped(nn.Module):
    """Convolutions around a :class:`Warp`."""

    def __init__(self) -> None:
        super().__init__()
        self.before = nn.Conv2d(3, 4, 3, padding=1)
        self.neck = nn.Sequential(nn.ReLU(), Warp())
        self.after = nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        return self.after(self.neck(self.before(image)))


class Scattered(nn.Module):
    """Calls an operator that ONNX has from opset 16 on, and nobody writes in older ones."""

    def forward(self, feature: Tensor) -> Tensor:
        first = torch.zeros_like(feature, dtype=torch.int64)
        return feature.scatter_reduce(1, first, feature, "amax")


class Unsupported(nn.Module):
    """Calls an operator that neither exporter can write."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.ReLU(), _Bessel())

    def forward(self, image: Tensor) -> Tensor:
        return self.body(image)


class _Bessel(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.special.i1(x)


class Baked(nn.Module):
    """Turns the width of its example input into a constant."""

    def forward(self, image: Tensor) -> Tensor:
        return image.reshape(image.shape[0], 3, -1, int(image.shape[3])).expand(-1, -1, -1, 8)


def seeded(module: nn.Module) -> nn.Module:
    """Give every BatchNorm statistics that folding must get right; eval mode."""
    generator = torch.Generator().manual_seed(0)
    for child in module.modules():
        if isinstance(child, nn.BatchNorm2d):
            for statistic, low, high in ((child.running_mean, -1, 1), (child.running_var, 0.5, 2)):
                assert statistic is not None
                statistic.copy_(
                    torch.rand(statistic.shape, generator=generator) * (high - low) + low
                )
    return module.eval()


def backbone() -> Backbone:
    """A seeded :class:`Backbone`."""
    torch.manual_seed(0)
    net = seeded(Backbone())
    assert isinstance(net, Backbone)
    return net


def image(*shape: int) -> Tensor:
    """A seeded random input."""
    return torch.randn(*(shape or (2, 3, 16, 24)), generator=torch.Generator().manual_seed(1))


def export(
    module: nn.Module, *, outputs: tuple[str, ...] = ("head", "coarse"), **options: Any
) -> onnx.ModelProto:
    """Export a network of this file with its usual names."""
    return export_onnx(
        module,
        (options.pop("example", image()),),
        input_names=["image"],
        output_names=outputs,
        **options,
    )


def operators(model: onnx.ModelProto) -> set[str]:
    """Operators of the main graph."""
    return {node.op_type for node in model.graph.node}
