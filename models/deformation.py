"""From boxes to contours, the part that Deep Snake's two detectors share (published as `gcn`).

Peng et al., "Deep Snake for Real-Time Instance Segmentation" (CVPR 2020), section 3.2;
parameter names and arithmetic as in github.com/zju3dv/snake (lib/networks/snake/evolve.py).  The
diamond in a box is deformed to four extreme points; the octagon through them is evolved.
Everything is in feature pixels (network input / 4), x before y.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .e2ec import STRIDE, Evolution
from .errors import ModelError
from .graph import Port
from .layers.contour import MIN_POINTS, Snake
from .layers.polygon import diamond, octagon, resample
from .layers.sampling import canonical, clip_contours, sample_features
from .refine import RefineBranch

EXTREME_POINTS = 4


class ExtremeStep(nn.Module):
    """Offsets of a diamond's vertices, from features at each vertex and at the centre."""

    def __init__(self, fuse: nn.Conv1d, init_gcn: Snake) -> None:
        super().__init__()
        self.fuse, self.init_gcn = fuse, init_gcn

    def forward(self, samples: Tensor, contour: Tensor) -> Tensor:
        """Offsets (n, P, 2), feature pixels.

        samples: (n, P + 1, F), the centre's first.  contour: (n, P, 2) canonical, feature pixels.
        """
        channels = samples.transpose(1, 2)
        own, centre = channels[..., 1:], channels[..., :1]
        fused = self.fuse(torch.cat((own, centre.expand_as(own)), dim=1))
        offsets: Tensor = self.init_gcn(torch.cat((fused, contour.transpose(1, 2)), dim=1))
        return offsets.transpose(1, 2)


class Deformation(Evolution):
    """The learned part after the backbone: `fuse`, `init_gcn`, `evolve_gcn`, `evolve_gcn0`, ...

    init_points, points: vertices of the diamond and of the contour.  align_corners: how features
    are sampled; the published weights were trained with True (torch 1.1).

    Raises ModelError where a number of vertices is too small, or the diamond's no multiple of 4.
    """

    def __init__(
        self,
        feature_dim: int,
        *,
        init_points: int = 40,
        points: int = 128,
        evolutions: int = 3,
        state_dim: int = 128,
        fusion_dim: int = 256,
        align_corners: bool = False,
    ) -> None:
        super().__init__(evolutions, feature_dim, state_dim, fusion_dim)
        for name, count in (("points", points), ("init_points", init_points)):
            if count < MIN_POINTS:
                raise ModelError(f"model.{name}={count} must be at least {MIN_POINTS}")
        if init_points % EXTREME_POINTS:
            raise ModelError(f"model.init_points={init_points} must be a multiple of 4")
        self.feature_dim, self.align_corners = feature_dim, align_corners
        self.init_points, self.points, self.evolutions = init_points, points, evolutions
        self.fuse = nn.Conv1d(2 * feature_dim, feature_dim, 1)
        self.init_gcn = Snake(feature_dim + 2, state_dim, fusion_dim)
        nn.init.normal_(self.fuse.weight, 0.0, 0.01)
        assert self.fuse.bias is not None
        nn.init.zeros_(self.fuse.bias)

    def extreme_step(self) -> ExtremeStep:
        """The network that moves the diamond; its modules are this one's own, not copies."""
        return ExtremeStep(self.fuse, self.init_gcn)

    def diamond(self, boxes: Tensor) -> Tensor:
        """Boxes (n, 4: x1, y1, x2, y2) -> vertices (n, init_points, 2) along their diamonds."""
        return resample(diamond(boxes), self.init_points)

    def extreme_points(self, feature: Tensor, diamonds: Tensor, image_index: Tensor) -> Tensor:
        """Deform diamonds (n, init_points, 2) to extreme points (n, 4, 2), unclipped.

        feature: (N, F, h, w).  image_index: (n,) int64.
        """
        middle = (diamonds.amin(dim=1, keepdim=True) + diamonds.amax(dim=1, keepdim=True)) / 2
        samples = self._sample(feature, torch.cat((middle, diamonds), dim=1), image_index)
        offsets: Tensor = self.extreme_step()(samples, canonical(diamonds))
        deformed = diamonds + offsets
        return deformed[:, :: self.init_points // EXTREME_POINTS]

    def octagon(self, extreme: Tensor) -> Tensor:
        """Extreme points (n, 4, 2) -> vertices (n, points, 2) along their octagons."""
        return resample(octagon(extreme), self.points)

    def evolve(self, index: int, feature: Tensor, contours: Tensor, image_index: Tensor) -> Tensor:
        """Contours (n, points, 2) after evolution `index`, from those before it; never clipped.

        feature: (N, F, h, w).  image_index: (n,) int64.
        """
        samples = self._sample(feature, contours, image_index)
        offsets: Tensor = self(index, samples, canonical(contours) * STRIDE)
        return (contours * STRIDE + offsets) / STRIDE

    def contours(
        self, feature: Tensor, boxes: Tensor, image_index: Tensor
    ) -> dict[str, Tensor | list[Tensor]]:
        """Every stage from boxes (n, 4) on, as at test time.

        Returns it_ex (n, init_points, 2), ex (n, 4, 2) clipped to the map, it_py (n, points, 2),
        and py, a list with the contours (n, points, 2) after each evolution.
        """
        diamonds = self.diamond(boxes)
        extreme = self.extreme_points(feature, diamonds, image_index)
        extreme = clip_contours(extreme, *feature.shape[-2:])
        current = octagons = self.octagon(extreme)
        evolved = []
        for index in range(self.evolutions):
            current = self.evolve(index, feature, current, image_index)
            evolved.append(current)
        return {"it_ex": diamonds, "ex": extreme, "it_py": octagons, "py": evolved}

    def refine_branches(self) -> dict[str, RefineBranch]:
        """The learned steps by name: init, evolve0, evolve1, ..."""
        steps: dict[str, tuple[nn.Module, int, int]] = {
            "init": (self.extreme_step(), self.init_points, 1)
        }
        for index in range(self.evolutions):
            steps[f"evolve{index}"] = (self.step(index), self.points, 0)
        branches = {}
        for name, (module, points, centre) in steps.items():
            count = f"{name}_contours"
            branches[name] = RefineBranch(
                module,
                (
                    Port(f"{name}_samples", (count, points + centre, self.feature_dim)),
                    Port(f"{name}_contour", (count, points, 2)),
                ),
                Port(f"{name}_offset", (count, points, 2)),
            )
        return branches

    def _sample(self, feature: Tensor, points: Tensor, image_index: Tensor) -> Tensor:
        return sample_features(feature, points, image_index, align_corners=self.align_corners)
