"""Losses of E2EC: centre focal loss (CornerNet) and the dynamic matching loss (section 3.4)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def focal_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Penalty-reduced focal loss (alpha 2, beta 4), per positive; both (N, C, h, w)."""
    probability = logits.sigmoid()
    positive = target.eq(1)
    hit = F.logsigmoid(logits) * (1 - probability) ** 2
    miss = F.logsigmoid(-logits) * probability**2 * (1 - target) ** 4
    loss = -torch.where(positive, hit, miss).sum()
    return loss / positive.sum().clamp(min=1)


def dynamic_matching_loss(before: Tensor, after: Tensor, target: Tensor, keys: Tensor) -> Tensor:
    """Match points by where they were, and pull them by where they are.

    before, after, target (n, P, 2) in pixels, keys (n, P) bool. Each point goes to the target
    outline's place nearest to `before`, and each key point of the target pulls the point whose
    `before` is nearest.
    """
    share = torch.arange(10, dtype=target.dtype, device=target.device) / 10
    ahead = target.roll(-1, dims=1)
    dense = target[:, :, None] + (ahead - target)[:, :, None] * share[:, None]
    dense = dense.flatten(1, 2)
    before = before.detach()
    nearest = torch.cdist(before, dense).argmin(2)
    goal = dense.gather(1, nearest[..., None].expand(-1, -1, 2))
    to_outline = F.smooth_l1_loss(after, goal)
    owner = torch.cdist(target, before).argmin(2)
    pulled = after.gather(1, owner[..., None].expand(-1, -1, 2))
    distance = F.smooth_l1_loss(pulled, target, reduction="none").sum(2)
    to_keys = (distance * keys).sum() / (2 * keys.sum() + 1)
    return (to_outline + to_keys) / 2
