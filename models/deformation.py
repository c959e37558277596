"""From boxes to contours, the part that Deep Snake's two detectors share (published as `gcn`).

Peng et al., "Deep Snake for Real-Time Instance Segmentation" (CVPR 2020), section 3.2;
parameter names and arithmetic as in github.com/zju3dv/snake (lib/networks/snake/evolve.py).  The
diamond in a box is deformed to four extreme points; the octagon through them is evolved.
Everything is in feature pixels (network input / 4), x before y.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .errors import ModelError
from .evolution import Evolution, contour_branch
from .layers.contour import MIN_POINTS, Snake
from .layers.polygon import diamond, octagon, resample
from .layers.sampling import canonical, clip_contours
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
        super().__init__(
            evolutions, feature_dim, state_dim, fusion_dim, align_corners=align_corners
        )
        for name, count in (("points", points), ("init_points", init_points)):
            if count < MIN_POINTS:
                raise ModelError(f"model.{name}={count} must be at least {MIN_POINTS}")
        if init_points % EXTREME_POINTS:
            raise ModelError(f"model.init_points={init_points} must be a multiple of 4")
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
        samples = self.sample(feature, torch.cat((middle, diamonds), dim=1), image_index)
        offsets: Tensor = self.extreme_step()(samples, canonical(diamonds))
        deformed = diamonds + offsets
        return deformed[:, :: self.init_points // EXTREME_POINTS]

    def octagon(self, extreme: Tensor) -> Tensor:
        """Extreme points (n, 4, 2) -> vertices (n, points, 2) along their octagons."""
        return resample(octagon(extreme), self.points)

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
        octagons = self.octagon(extreme)
        evolved = self.evolved(feature, octagons, image_index)
        return {"it_ex": diamonds, "ex": extreme, "it_py": octagons, "py": evolved}

    def refine_branches(self) -> dict[str, RefineBranch]:
        """The learned steps by name: init, evolve0, evolve1, ..."""
        points, width = self.init_points, self.feature_dim
        init = contour_branch("init", self.extreme_step(), points, points + 1, width)
        return {"init": init, **self.evolve_branches(self.points)}
