"""Regions of a feature map at a fixed size, and greedy NMS, as detectors of 2019 computed them.

ROI align: He et al., "Mask R-CNN" (ICCV 2017), section 3, in the form without the half-pixel shift
(torchvision's `aligned=False`), every bin averaged over ceil(bin size) samples a side.  NMS: boxes
are closed ranges of pixels, so a side is x2 - x1 + 1.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def roi_align(feature: Tensor, boxes: Tensor, image_index: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear averages of a feature map over the bins of boxes: (n, C, *size).

    feature: (N, C, h, w).  boxes: (n, 4: x1, y1, x2, y2) feature pixels; sides below a pixel count
    as one.  image_index: (n,) int64.

    A bin's average is separable: one matrix a side, so that a region is Y @ feature @ X^T.
    """
    rows, columns = size
    height, width = feature.shape[-2:]
    regions = [feature.new_zeros(0, feature.shape[1], rows, columns)]
    for box, index in zip(boxes, image_index.tolist(), strict=True):
        x1, y1, x2, y2 = box.tolist()
        vertical = _bin_weights(y1, y2, rows, height, feature)
        horizontal = _bin_weights(x1, x2, columns, width, feature)
        regions.append((vertical @ feature[index] @ horizontal.T)[None])
    return torch.cat(regions)


def _bin_weights(start: float, end: float, bins: int, length: int, like: Tensor) -> Tensor:
    """(bins, length): what each pixel of a row contributes to each bin between start and end."""
    bin_size = max(end - start, 1.0) / bins
    samples = max(1, math.ceil(bin_size))
    offsets = (torch.arange(samples, device=like.device) + 0.5) / samples
    position = start + (torch.arange(bins, device=like.device)[:, None] + offsets) * bin_size
    inside = (position >= -1) & (position <= length)
    position = position.clamp(0, length - 1)  # up to a pixel outside, the border is repeated
    distance = position[..., None] - torch.arange(length, device=like.device)
    hat = (1 - distance.abs()).clamp(min=0) * inside[..., None]
    return hat.mean(dim=1).to(like.dtype)


def greedy_nms(boxes: Tensor, scores: Tensor, overlap: float) -> Tensor:
    """Indices (m,) int64 of the boxes kept, score descending.

    boxes: (n, 4: x1, y1, x2, y2).  scores: (n,).  A box goes when a better one that stays overlaps
    it by more than `overlap` (intersection over union).
    """
    order = scores.argsort(descending=True, stable=True)
    ranked = boxes[order]
    area = (ranked[:, 2:] - ranked[:, :2] + 1).prod(dim=1)
    low = torch.maximum(ranked[:, None, :2], ranked[None, :, :2])
    high = torch.minimum(ranked[:, None, 2:], ranked[None, :, 2:])
    shared = (high - low + 1).clamp(min=0).prod(dim=2)
    suppresses = shared / (area[:, None] + area[None, :] - shared) > overlap
    kept = torch.ones(len(boxes), dtype=torch.bool, device=boxes.device)
    for rank in range(len(boxes)):
        if kept[rank]:
            kept[rank + 1 :] &= ~suppresses[rank, rank + 1 :]
    return order[kept]
