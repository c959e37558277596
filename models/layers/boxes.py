"""Boxes from centres and sizes, as Deep Snake's detectors make them."""

from __future__ import annotations

import torch
from torch import Tensor


def boxes_around(centres: Tensor, sizes: Tensor, height: int, width: int) -> Tensor:
    """Boxes (n, 4: x1, y1, x2, y2) of sizes (n, 2) around centres (n, 2), feature pixels.

    They are cut at 0 above and to the left, at size - 1 of the map below and to the right; nothing
    keeps a box whose centre is outside, or whose size is negative, from being inside out.
    """
    half = sizes / 2
    low = (centres - half).clamp(min=0)
    high = torch.minimum(centres + half, centres.new_tensor((width - 1.0, height - 1.0)))
    return torch.cat((low, high), dim=1)
