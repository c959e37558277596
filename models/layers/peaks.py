"""Centres of instances from a heatmap: local maxima, best first.

Zhou et al., "Objects as Points" (2019), section 4: a pixel is a peak where it equals the maximum of
its 3x3 neighbourhood.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def find_peaks(heatmap: Tensor, k: int, threshold: float) -> tuple[Tensor, Tensor]:
    """At most k peaks per image whose score is at least the threshold.

    heatmap: (N, classes, h, w) probabilities.  Returns peaks (n, 4: x, y, score, class) in heatmap
    pixels and the image of each (n,) int64; image by image, score descending, ties by class, y, x.
    """
    keep = (F.max_pool2d(heatmap, 3, stride=1, padding=1) == heatmap) & (heatmap >= threshold)
    found = []
    for image, kept in zip(heatmap, keep, strict=True):
        category, y, x = kept.nonzero(as_tuple=True)
        score, order = image[category, y, x].sort(descending=True, stable=True)
        order = order[:k]
        found.append(torch.stack((x[order], y[order], score[:k], category[order]), dim=1))
    counts = torch.tensor([len(peaks) for peaks in found], device=heatmap.device)
    images = torch.arange(len(found), device=heatmap.device)
    return torch.cat(found), images.repeat_interleave(counts)
