"""Targets of Deep Snake from dense contours (Peng et al., CVPR 2020, sections 3.2 and 3.3).

As in github.com/zju3dv/snake (lib/utils/snake/snake_voc_utils.py, lib/datasets): an extreme point
is the middle of the stretch of the outline that lies within 2 % of the box from its border, and a
contour's target starts at the outline's point nearest to the first vertex of its octagon.
"""

from __future__ import annotations

import torch
from torch import Tensor

TOLERANCE = 0.02  # of the box
DENSITY = 4  # points of a dense contour for one vertex


def extreme_points(contours: Tensor) -> Tensor:
    """Top, left, bottom and right points (n, 4, 2) of dense closed contours (n, m, 2)."""
    points = []
    for axis, sign in ((1, 1), (0, 1), (1, -1), (0, -1)):
        depth, other = sign * contours[..., axis], contours[..., 1 - axis]
        depth = depth - depth.amin(dim=1, keepdim=True)
        reach = TOLERANCE * (depth.amax(dim=1, keepdim=True) + 1)
        # The run of points around the outermost one that stay within reach, followed both ways.
        start = depth.argmin(dim=1, keepdim=True)
        step = torch.arange(contours.shape[1], device=contours.device)
        member = torch.zeros_like(depth, dtype=torch.bool)
        for way in (1, -1):
            order = (start + way * step) % contours.shape[1]
            run = (depth.gather(1, order) <= reach).long().cumprod(dim=1).bool()
            member |= torch.zeros_like(member).scatter(1, order, run)
        low = torch.where(member, other, torch.inf).amin(dim=1)
        high = torch.where(member, other, -torch.inf).amax(dim=1)
        border = contours.gather(1, start[..., None].expand(-1, -1, 2))[:, 0, axis]
        pair = ((low + high) / 2, border)
        points.append(torch.stack(pair if axis == 1 else pair[::-1], dim=1))
    return torch.stack(points, dim=1)


def from_nearest(contours: Tensor, first: Tensor) -> Tensor:
    """Dense contours (n, m, 2) -> vertices (n, m / 4, 2), starting nearest to `first` (n, 2)."""
    start = (contours - first[:, None]).square().sum(dim=2).argmin(dim=1, keepdim=True)
    order = (start + torch.arange(0, contours.shape[1], DENSITY)) % contours.shape[1]
    return contours.gather(1, order[..., None].expand(-1, -1, 2))
