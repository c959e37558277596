"""The map between pixels of an image and of the network's input: a scale and a shift an axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .instances import Array


@dataclass(frozen=True)
class Transform:
    """network = image * scale + shift, for each axis; x before y.

    Attributes:
        scale: (x, y).
        shift: (x, y), network-input pixels.
        image_size: (height, width) of the image.
        network_size: (height, width) of the network's input.
    """

    scale: tuple[float, float]
    shift: tuple[float, float]
    image_size: tuple[int, int]
    network_size: tuple[int, int]

    def to_network(self, points: NDArray[Any]) -> Array:
        """(..., 2) image pixels -> (..., 2) float32 network-input pixels."""
        moved = np.asarray(points, np.float64) * self.scale + self.shift
        return moved.astype(np.float32)

    def to_image(self, points: NDArray[Any]) -> Array:
        """(..., 2) network-input pixels -> (..., 2) float32 image pixels; inverts `to_network`."""
        moved = (np.asarray(points, np.float64) - self.shift) / self.scale
        return moved.astype(np.float32)
