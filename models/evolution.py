"""The evolutions of a contour, which E2EC and Deep Snake share (published as `gcn`).

Peng et al., "Deep Snake for Real-Time Instance Segmentation" (CVPR 2020), section 3.1; arithmetic
as in github.com/zju3dv/snake (lib/networks/snake/evolve.py) and github.com/zhang-tao-whu/e2ec
(network/evolve).  Contours are in feature pixels (network input / 4), x before y.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .graph import Port
from .layers.contour import Snake
from .layers.sampling import canonical, sample_features
from .refine import RefineBranch

STRIDE = 4  # network-input pixels per feature pixel


class EvolveStep(Snake):
    """One evolution: a Snake over the sampled features and the vertices' own coordinates."""

    def forward(self, samples: Tensor, contour: Tensor) -> Tensor:  # type: ignore[override]
        """Samples (n, P, F), canonical contour (n, P, 2) in input pixels -> offsets (n, P, 2)."""
        joined = torch.cat((samples, contour), dim=2)
        return super().forward(joined.transpose(1, 2)).transpose(1, 2)


class Evolution(nn.Module):
    """The evolutions under their published names: evolve_gcn, evolve_gcn0, evolve_gcn1, ...

    offset_scale: what offsets are multiplied by, input pixels.  align_corners: how features are
    sampled.
    """

    def __init__(
        self,
        evolutions: int,
        feature_dim: int,
        state_dim: int,
        fusion_dim: int,
        *,
        offset_scale: float = 1.0,
        align_corners: bool = False,
    ) -> None:
        super().__init__()
        self.feature_dim, self.offset_scale = feature_dim, offset_scale
        self.align_corners = align_corners
        self.names = ["evolve_gcn", *(f"evolve_gcn{index}" for index in range(evolutions - 1))]
        for name in self.names:
            self.add_module(name, EvolveStep(feature_dim + 2, state_dim, fusion_dim))

    def forward(self, index: int, samples: Tensor, contour: Tensor) -> Tensor:
        """Offsets of evolution `index`, counted from 0: see `EvolveStep`."""
        offsets: Tensor = self.step(index)(samples, contour)
        return offsets

    def step(self, index: int) -> nn.Module:
        """The network of evolution `index`."""
        return self.get_submodule(self.names[index])

    def sample(self, feature: Tensor, points: Tensor, image_index: Tensor) -> Tensor:
        """Features (n, P, F) at points (n, P, 2): see `sample_features`."""
        return sample_features(feature, points, image_index, align_corners=self.align_corners)

    def evolve(self, index: int, feature: Tensor, contours: Tensor, image_index: Tensor) -> Tensor:
        """Contours (n, P, 2) after evolution `index`, from those before it; never clipped.

        feature: (N, F, h, w), the backbone's own.  image_index: (n,) int64.
        """
        samples = self.sample(feature, contours, image_index)
        offsets: Tensor = self(index, samples, canonical(contours) * STRIDE)
        return (contours * STRIDE + offsets * self.offset_scale) / STRIDE

    def evolved(self, feature: Tensor, contours: Tensor, image_index: Tensor) -> list[Tensor]:
        """Contours (n, P, 2) after each evolution: see `evolve`."""
        stages = []
        for index in range(len(self.names)):
            contours = self.evolve(index, feature, contours, image_index)
            stages.append(contours)
        return stages

    def evolve_branches(self, points: int) -> dict[str, RefineBranch]:
        """The evolutions of contours of so many points as branches: evolve0, evolve1, ..."""
        names = [f"evolve{index}" for index in range(len(self.names))]
        return {
            name: contour_branch(name, self.step(index), points, points, self.feature_dim)
            for index, name in enumerate(names)
        }


def contour_branch(
    name: str, module: nn.Module, points: int, samples: int, feature_dim: int
) -> RefineBranch:
    """The branch NAME_samples (n, samples, F), NAME_contour (n, points, 2) -> NAME_offset."""
    count = f"{name}_contours"
    inputs = (
        Port(f"{name}_samples", (count, samples, feature_dim)),
        Port(f"{name}_contour", (count, points, 2)),
    )
    return RefineBranch(module, inputs, Port(f"{name}_offset", (count, points, 2)))
