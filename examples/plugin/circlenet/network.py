"""CircleNet: objects as circles, by a centre heatmap and a radius at each centre.

Yang et al., "CircleNet: Anchor-free Detection with Circle Representation" (MICCAI 2020), on a
backbone of six layers instead of DLA-34, for an example that runs in seconds. Three things in it
stop a deployment: strided slices (:class:`Focus`), an operator of one's own
(``circlenet::rms_norm``), and a division that a small accelerator does not have.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

STRIDE = 4
EPSILON = 1e-6


@torch.library.custom_op("circlenet::rms_norm", mutates_args=())
def rms_norm(x: Tensor, scale: Tensor) -> Tensor:
    """Divide by the root mean square over the channels; x (N, C, H, W), scale (C,).

    Zhang and Sennrich, "Root Mean Square Layer Normalization" (2019). Registered as an operator, as
    one with a kernel of its own would be: no exporter sees into it.
    """
    return x * torch.rsqrt(x.square().mean(1, keepdim=True) + EPSILON) * scale[:, None, None]


@rms_norm.register_fake
def _(x: Tensor, scale: Tensor) -> Tensor:
    return torch.empty_like(x)


class RmsNorm(nn.Module):
    """``circlenet::rms_norm`` with a learned scale."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same shape."""
        return rms_norm(x, self.scale)


class Focus(nn.Module):
    """Four pixels become channels, as YOLOv5 begins: (N, C, H, W) -> (N, 4C, H/2, W/2)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        """Concatenate the four strided slices: top left, bottom left, top right, bottom right."""
        return torch.cat([x[..., i::2, j::2] for j in (0, 1) for i in (0, 1)], dim=1)


class CircleNet(nn.Module):
    """Image (N, 3, H, W) -> heatmap logits (N, classes, H/4, W/4) and radii (N, 1, H/4, W/4)."""

    def __init__(self, classes: int, width: int) -> None:
        super().__init__()
        self.focus = Focus(3)
        self.stem = nn.Sequential(nn.Conv2d(12, width, 3, padding=1), nn.ReLU())
        self.down = nn.Sequential(
            nn.Conv2d(width, 2 * width, 3, 2, 1), RmsNorm(2 * width), nn.ReLU()
        )
        self.heatmap = nn.Conv2d(2 * width, classes, 1)
        self.radius = nn.Conv2d(2 * width, 1, 1)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Radii are in pixels of the feature map; the layer gives them in network-input pixels."""
        feature = self.down(self.stem(self.focus(image)))
        return self.heatmap(feature), self.radius(feature).abs() / STRIDE
