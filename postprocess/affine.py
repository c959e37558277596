"""The crop of one person that top-down keypoint networks are trained on, as an affine warp.

The box's middle and its size, made of the network's aspect and enlarged, are mapped onto the
network's input (HRNet, Sun et al., CVPR 2019: lib/utils/transforms.py and the `_box2cs` of its
data sets; PaddleDetection ppdet/data/transform/keypoint_operators.py). Points move by the matrix
that moves the pixels, so coordinates are pixel indices: the middle of the first pixel is 0, 0.

`udp` is the unbiased variant (Huang et al., "The Devil Is in the Details", CVPR 2020, section 3.2):
lengths are counted from the first pixel's middle to the last one's, size - 1, so that a mirrored
crop is the crop of the mirrored image.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]


class Region(NamedTuple):
    """A rectangle of an image, image pixels.

    Attributes:
        centre: (2,) x, y.
        extent: (2,) width, height.
    """

    centre: Doubles
    extent: Doubles


def person_region(box: NDArray[np.floating], size: tuple[int, int], growth: float) -> Region:
    """The region that a person's box stands for.

    Args:
        box: (4,) x1, y1, x2, y2, image pixels.
        size: (height, width) of the network's input; the region gets their aspect by widening.
        growth: factor on the box's sides, 1.25 in training.
    """
    corners = np.asarray(box, np.float64)
    sides = np.maximum(corners[2:] - corners[:2], 1.0)
    aspect = size[1] / size[0]
    width = max(sides[0], sides[1] * aspect)
    return Region((corners[:2] + corners[2:]) / 2, np.array([width, width / aspect]) * growth)


def affine_matrix(
    region: Region, size: tuple[int, int], udp: bool = False, rotation: float = 0.0
) -> Doubles:
    """(2, 3) matrix from image pixels to pixels of the network's input.

    Args:
        region: what of the image fills the input.
        size: (height, width) of the input.
        udp: count lengths as size - 1 (module docstring).
        rotation: degrees by which the image is turned about the region's middle, clockwise as seen.
    """
    cosine, sine = np.cos(np.radians(rotation)), np.sin(np.radians(rotation))
    target = np.array([size[1], size[0]], np.float64)
    if not udp:
        up = np.array([-sine, -cosine]) * region.extent[0] / 2
        return _through_points(region.centre, up, target / 2, np.array([0, -target[0] / 2]))
    target -= 1
    linear = np.array([[cosine, -sine], [sine, cosine]]) * (target / region.extent)[:, None]
    return np.concatenate([linear, (target / 2 - linear @ region.centre)[:, None]], axis=1)


def _through_points(middle: Doubles, up: Doubles, to_middle: Doubles, to_up: Doubles) -> Doubles:
    """The similarity that takes a point, one above it and one beside that one to three others.

    Solved by OpenCV from float32 points, as HRNet does: warpAffine rounds to 1/32 of a pixel, and
    where that is a tie the matrix's last bits decide.
    """
    source, target = (
        np.array([point, point + ahead, point + ahead + [ahead[1], -ahead[0]]], np.float32)
        for point, ahead in ((middle, up), (to_middle, to_up))
    )
    return cv2.getAffineTransform(source, target).astype(np.float64)


def moved(points: NDArray[np.floating], matrix: Doubles) -> Doubles:
    """(..., 2) points through a (2, 3) matrix."""
    turned: Doubles = np.asarray(points, np.float64) @ matrix[:, :2].T + matrix[:, 2]
    return turned
