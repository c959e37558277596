"""Make new images of a pool's images. Any change will do: the untouched network says what is right.

Beyer et al., "Knowledge distillation: a good teacher is patient and consistent" (CVPR 2022): both
networks see the same changed image, and the fit becomes one of functions. Flips and transposition,
a zoom, light and colour, and pieces of one image in another (CutMix, Yun et al., ICCV 2019).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

ZOOM = 1.4  # largest enlargement
SHIFT = 0.25  # standard deviation of what is added to a channel, in those of the whole image
GAIN = 0.2  # standard deviation of a channel's log gain
PIECE = 0.5  # chance that an image gets a piece of another one
SIDES = (0.25, 0.75)  # of that piece, as shares of the image's


def augment(images: Tensor, generator: torch.Generator) -> Tensor:
    """Change every image of a batch (N, C, H, W) in its own way; the size stays."""

    def uniform(low: float, high: float) -> float:
        return low + (high - low) * float(torch.rand((), generator=generator))

    changed = torch.stack([_moved(image, uniform) for image in images])
    noise = torch.randn(2, len(images), images.shape[1], 1, 1, generator=generator)
    spread = changed.std(dim=(1, 2, 3), keepdim=True)
    changed = changed * (GAIN * noise[0]).exp() + SHIFT * spread * noise[1]
    height, width = changed.shape[2:]
    donors = changed.roll(1, 0).clone()
    for image, donor in zip(changed, donors, strict=True):
        if uniform(0, 1) < PIECE:
            rows, columns = (int(side * uniform(*SIDES)) for side in (height, width))
            top, left = int(uniform(0, height - rows)), int(uniform(0, width - columns))
            piece = (slice(None), slice(top, top + rows), slice(left, left + columns))
            image[piece] = donor[piece]
    return changed


def _moved(image: Tensor, uniform: Callable[[float, float], float]) -> Tensor:
    """Flip, transpose and zoom one image (C, H, W)."""
    for axis in (1, 2):
        if uniform(0, 1) < 0.5:
            image = image.flip(axis)
    height, width = image.shape[1:]
    if height == width and uniform(0, 1) < 0.5:
        image = image.transpose(1, 2)
    zoom = uniform(1, ZOOM)
    rows, columns = round(height / zoom), round(width / zoom)
    top, left = round(uniform(0, height - rows)), round(uniform(0, width - columns))
    part = image[None, :, top : top + rows, left : left + columns]
    size = (height, width)
    return F.interpolate(part, size=size, mode="bilinear", align_corners=False)[0]
