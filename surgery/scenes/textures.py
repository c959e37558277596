"""Textures for fills and backgrounds: scalar patterns in [0, 1] that blend between two colours.

Colour never tells the class: every class draws from the same textures, so that a network has to
look at silhouettes.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]
Rng = np.random.Generator

PATTERNS = ("plain", "gradient", "stripes", "checker", "dots", "rings", "cloud", "speckle")
TISSUE = ("cloud", "speckle", "gradient", "cloud", "veins")


def cloud(rng: Rng, height: int, width: int, cells: int, channels: int = 1) -> Image:
    """Smooth noise (height, width[, channels]) in [0, 1]: a coarse random grid, interpolated."""
    grid = rng.random((cells, cells, channels), dtype=np.float32)
    smooth = cv2.resize(grid, (width, height), interpolation=cv2.INTER_LINEAR)
    return smooth.astype(np.float32, copy=False)


def _axis(rng: Rng, height: int, width: int) -> tuple[Image, Image]:
    """Coordinates along and across a random direction, in pixels."""
    angle = rng.uniform(0, np.pi)
    c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    x = np.arange(width, dtype=np.float32)[None, :]
    y = np.arange(height, dtype=np.float32)[:, None]
    return c * x + s * y, c * y - s * x


def pattern(rng: Rng, height: int, width: int, kind: str) -> Image:
    """One pattern (height, width) float32 in [0, 1]; `kind` from PATTERNS or TISSUE."""
    if kind == "plain":
        return np.zeros((height, width), np.float32)
    if kind == "cloud":
        return cloud(rng, height, width, int(rng.integers(4, 9)))
    if kind == "speckle":
        return rng.random((height, width), dtype=np.float32) * np.float32(0.7)
    along, across = _axis(rng, height, width)
    if kind == "gradient":
        low, high = float(along.min()), float(along.max())
        return (along - np.float32(low)) / np.float32(high - low + 1e-6)
    pitch = np.float32(2 * np.pi / rng.uniform(5, 16))
    phase = np.float32(rng.uniform(0, 2 * np.pi))
    if kind == "stripes":
        wave = np.sin(along * pitch + phase)
    elif kind == "checker":
        wave = np.sin(along * pitch + phase) * np.sin(across * pitch + phase)
    elif kind == "dots":
        wave = np.cos(along * pitch + phase) * np.cos(across * pitch) * 2 - np.float32(0.8)
    elif kind == "veins":
        bend = cloud(rng, height, width, 5) * np.float32(12)
        wave = np.abs(np.sin((along + bend) * pitch * np.float32(0.5))) * -4 + np.float32(0.6)
    else:
        cx, cy = rng.uniform(0, width), rng.uniform(0, height)
        x = np.arange(width, dtype=np.float32)[None, :] - np.float32(cx)
        y = np.arange(height, dtype=np.float32)[:, None] - np.float32(cy)
        wave = np.sin(np.sqrt(x * x + y * y) * pitch + phase)
    blend: Image = np.clip(wave * np.float32(2.5) + np.float32(0.5), 0, 1)
    return blend


def blend(weight: Image, first: Image, second: Image) -> Image:
    """`first` where the weight is 0, `second` where it is 1: (h, w), (3,), (3,) -> (h, w, 3)."""
    return first + weight[:, :, None] * (second - first)
