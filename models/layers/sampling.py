"""Bilinear samples of a feature map at contour vertices, as e2ec and Deep Snake take them.

Both repositories (`get_gcn_feature`) divide a feature-pixel coordinate by half the map's size and
subtract one, then call `grid_sample`: with `align_corners=False` pixel i's centre is at i + 0.5.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def sample_features(
    feature: Tensor, points: Tensor, image_index: Tensor, *, align_corners: bool = False
) -> Tensor:
    """Sample each contour's vertices from the image it belongs to; zeros outside; differentiable.

    feature: (N, C, h, w).  points: (n, P, 2) feature pixels, x before y.
    image_index: (n,) int64, the image of each contour, in any order.  Returns (n, P, C).

    The contours of each image are laid side by side in one grid (N, most contours of an image,
    P, 2), so that one call samples the whole batch.
    """
    batch, _, height, width = feature.shape
    half = points.new_tensor((width / 2.0, height / 2.0))
    member = F.one_hot(image_index, batch).cumsum(dim=0)
    slot = member.gather(1, image_index[:, None]).squeeze(1) - 1
    most = int(slot.max()) + 1 if len(slot) else 0
    if most == 0:
        return feature.new_zeros(0, points.shape[1], feature.shape[1])
    grid = points.new_zeros(batch, most, points.shape[1], 2)
    grid = grid.index_put((image_index, slot), points / half - 1)
    samples = F.grid_sample(feature, grid, align_corners=align_corners)
    return samples.permute(0, 2, 3, 1)[image_index, slot]


def canonical(contours: Tensor) -> Tensor:
    """Contours moved so that the smallest x and the smallest y of each are zero: (n, P, 2) both."""
    return contours - contours.amin(dim=1, keepdim=True)


def clip_contours(contours: Tensor, height: int, width: int) -> Tensor:
    """Contours (n, P, 2) in feature pixels, held inside [0, width - 1] x [0, height - 1]."""
    limit = contours.new_tensor((width - 1.0, height - 1.0))
    return torch.minimum(contours.clamp(min=0.0), limit)
