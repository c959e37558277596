"""Polygons between the networks of Deep Snake: box, diamond, octagon, and points spread over edges.

Peng et al., "Deep Snake for Real-Time Instance Segmentation" (CVPR 2020), section 3.2: a box gives
a diamond, the diamond's deformation four extreme points, and these an octagon (Zhou et al.,
"Bottom-up Object Detection by Grouping Extreme and Center Points", CVPR 2019, section 4.4).
Points are in feature pixels, x before y; polygons run top, left, bottom, right; all of it is
differentiable.
"""

from __future__ import annotations

import torch
from torch import Tensor

OCTAGON_SIDE = 8  # an octagon's side reaches this fraction of the box from its extreme point


def diamond(boxes: Tensor) -> Tensor:
    """Midpoints (n, 4, 2) of the edges of boxes (n, 4): top, left, bottom, right."""
    left, top, right, bottom = boxes.unbind(dim=1)
    x, y = (left + right) / 2, (top + bottom) / 2
    return torch.stack((x, top, left, y, x, bottom, right, y), dim=1).reshape(-1, 4, 2)


def octagon(extreme: Tensor) -> Tensor:
    """Octagons (n, 12, 2) through extreme points (n, 4, 2: top, left, bottom, right).

    Each extreme point is the middle of a side that reaches an eighth of the width or height to
    either hand and stops at the corner of the box; the extreme points are vertices as well.
    """
    (top_x, left, bottom_x, right), (top, left_y, bottom, right_y) = (
        axis.unbind(dim=1) for axis in extreme.unbind(dim=2)
    )
    across, down = (right - left) / OCTAGON_SIDE, (bottom - top) / OCTAGON_SIDE
    vertices = (
        (top_x, top),
        (torch.maximum(top_x - across, left), top),
        (left, torch.maximum(left_y - down, top)),
        (left, left_y),
        (left, torch.minimum(left_y + down, bottom)),
        (torch.maximum(bottom_x - across, left), bottom),
        (bottom_x, bottom),
        (torch.minimum(bottom_x + across, right), bottom),
        (right, torch.minimum(right_y + down, bottom)),
        (right, right_y),
        (right, torch.maximum(right_y - down, top)),
        (torch.minimum(top_x + across, right), top),
    )
    return torch.stack([torch.stack(vertex, dim=1) for vertex in vertices], dim=1)


def resample(polygons: Tensor, count: int) -> Tensor:
    """Spread `count` points over the edges of closed polygons (n, m, 2): (n, count, 2).

    An edge gets round(length * count / perimeter) points, at least its own start; points left over
    go to the edge that has most, missing ones are taken from those that have most, down to one each
    (ties: the earlier edge).  A polygon without a finite perimeter above zero gives every edge one
    point and its first edge the rest.  Gradients reach the vertices, not the sharing out.

    Raises ValueError where a polygon has more vertices than points are wanted.
    """
    edges = polygons.shape[1]
    if edges > count:
        raise ValueError(f"cannot spread {count} points over {edges} edges: each needs one")
    following = polygons.roll(-1, dims=1)
    shares = _shares((following - polygons).detach().square().sum(dim=2).sqrt(), count)
    position = torch.arange(count, device=polygons.device)
    edge = (position[None, :, None] >= shares.cumsum(dim=1)[:, None, :]).sum(dim=2)
    step = position - (shares.cumsum(dim=1) - shares).gather(1, edge)
    weight = (step / shares.gather(1, edge)).to(polygons.dtype)[..., None]
    vertex = edge[..., None].expand(-1, -1, 2)
    return polygons.gather(1, vertex) * (1 - weight) + following.gather(1, vertex) * weight


def _shares(lengths: Tensor, count: int) -> Tensor:
    """Points of each edge (n, m) int64, from its length (n, m); every row sums to `count`."""
    perimeter = lengths.sum(dim=1, keepdim=True)
    usable = (perimeter > 0) & perimeter.isfinite()
    wanted = torch.where(usable, lengths * count / perimeter, 0.0)
    shares = wanted.round().long().clamp(min=1)
    surplus = shares.sum(dim=1, keepdim=True) - count
    sorted_shares, order = shares.sort(dim=1, descending=True, stable=True)
    spare = sorted_shares - 1
    already = spare.cumsum(dim=1) - spare
    taken = torch.minimum((surplus - already).clamp(min=0), spare)
    taken[:, :1] += surplus.clamp(max=0)  # points left over: a negative number is taken
    return shares.scatter_add(1, order, -taken)
