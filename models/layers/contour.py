"""Convolution along closed contours, and the network of Deep Snake that E2EC uses as well.

Peng et al., "Deep Snake for Real-Time Instance Segmentation" (CVPR 2020), section 3.1: a contour is
a ring of vertices, so its convolution wraps around; a head, seven residual layers with growing
dilation, a max over all vertices as global state, and a small per-vertex network make the offsets.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

NEIGHBOURS = 4
DILATIONS = (1, 1, 1, 2, 2, 4, 4)
MIN_POINTS = NEIGHBOURS * max(DILATIONS)


class CircularConv(nn.Module):
    """1-D convolution over `2 * neighbours + 1` vertices of a ring."""

    def __init__(
        self, in_channels: int, out_channels: int, dilation: int = 1, neighbours: int = NEIGHBOURS
    ) -> None:
        super().__init__()
        self.reach = neighbours * dilation
        self.fc = nn.Conv1d(in_channels, out_channels, 2 * neighbours + 1, dilation=dilation)

    def forward(self, x: Tensor) -> Tensor:
        """(n, C_in, P) -> (n, C_out, P); P must be at least `reach`.

        The ring is opened by repeating `reach` vertices at both ends.
        """
        ring = torch.cat((x[..., -self.reach :], x, x[..., : self.reach]), dim=2)
        y: Tensor = self.fc(ring)
        return y


class CircularBlock(nn.Module):
    """Circular convolution, ReLU, then BatchNorm: in that order, as published."""

    def __init__(self, in_channels: int, out_channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.conv = CircularConv(in_channels, out_channels, dilation)
        self.norm = nn.BatchNorm1d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """(n, C_in, P) -> (n, C_out, P)."""
        y: Tensor = self.norm(F.relu(self.conv(x)))
        return y


class Snake(nn.Module):
    """Per-vertex offsets from per-vertex features, under the published parameter names.

    The hidden layers after the global state have `fusion_dim` and `fusion_dim // 4` channels.
    """

    def __init__(self, feature_dim: int, state_dim: int = 128, fusion_dim: int = 256) -> None:
        super().__init__()
        self.head = CircularBlock(feature_dim, state_dim)
        for index, dilation in enumerate(DILATIONS):
            self.add_module(f"res{index}", CircularBlock(state_dim, state_dim, dilation))
        states = state_dim * (len(DILATIONS) + 1)
        self.fusion = nn.Conv1d(states, fusion_dim, 1)
        self.prediction = nn.Sequential(
            nn.Conv1d(states + fusion_dim, fusion_dim, 1),
            nn.ReLU(inplace=True),
            nn.Conv1d(fusion_dim, fusion_dim // 4, 1),
            nn.ReLU(inplace=True),
            nn.Conv1d(fusion_dim // 4, 2, 1),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv1d):
                nn.init.normal_(module.weight, 0.0, 0.01)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(n, feature_dim, P) -> offsets (n, 2, P), x before y; P at least `MIN_POINTS`."""
        x = self.head(x)
        states = [x]
        for index in range(len(DILATIONS)):
            x = self.get_submodule(f"res{index}")(x) + x
            states.append(x)
        state = torch.cat(states, dim=1)
        pooled = self.fusion(state).amax(dim=2, keepdim=True).expand(-1, -1, state.shape[2])
        offsets: Tensor = self.prediction(torch.cat((pooled, state), dim=1))
        return offsets
