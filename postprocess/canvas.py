"""An image put onto the canvas of the network's size, and the map between the two.

Each function takes an (H, W, 3) uint8 BGR image and sizes as (height, width), and returns the
canvas and the :class:`~postprocess.transform.Transform` from image to canvas pixels. Which one is
used when is said in :mod:`postprocess.preprocess`.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .affine import Region, affine_matrix
from .errors import InputError
from .transform import Transform

Image = NDArray[np.uint8]


def check_image(image: Any) -> None:
    """Refuse what is not a (H, W, 3) uint8 BGR image, saying what it is and what to do."""
    expected = "expected a BGR image, (H, W, 3) uint8"
    if not isinstance(image, np.ndarray):
        hint = "; does the file exist and can cv2 read it?" if image is None else ""
        raise InputError(f"{expected}, got {type(image).__name__}{hint}")
    got = f"got {image.shape} {image.dtype}"
    if image.size == 0:
        raise InputError(f"{expected}, {got}: it is empty")
    if image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 1):
        raise InputError(f"{expected}, {got}: grayscale? cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)")
    if image.ndim == 3 and image.shape[2] == 4:
        raise InputError(f"{expected}, {got}: with alpha? cv2.cvtColor(image, cv2.COLOR_BGRA2BGR)")
    if image.ndim != 3 or image.shape[2] != 3:
        hint = ": one image a call" if image.ndim == 4 else ""
        raise InputError(f"{expected}, {got}{hint}")
    if image.dtype != np.uint8:
        raise InputError(f"{expected}, {got}: give pixel values 0 to 255 as uint8")


def place(image: Image, inner: tuple[int, int], out: tuple[int, int]) -> tuple[Image, Transform]:
    """Resize to `inner`, centre on a black canvas of size `out` (both height, width)."""
    height, width = image.shape[:2]
    if inner != (height, width):
        shrinks = inner[0] * inner[1] < height * width
        how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        image = _uint8(cv2.resize(image, inner[::-1], interpolation=how))
    top, left = (out[0] - inner[0]) // 2, (out[1] - inner[1]) // 2
    canvas = np.zeros((*out, 3), np.uint8)
    canvas[top : top + inner[0], left : left + inner[1]] = image
    scale = (inner[1] / width, inner[0] / height)
    return canvas, Transform(scale, (float(left), float(top)), (height, width), out)


def warp(image: Image, out: tuple[int, int], across: int) -> tuple[Image, Transform]:
    """Scale by out width / `across` about the image's middle pixel, which goes to the canvas's."""
    height, width = image.shape[:2]
    factor = out[1] / across
    shift = (out[1] / 2 - factor * (width // 2), out[0] / 2 - factor * (height // 2))
    matrix = np.array([[factor, 0, shift[0]], [0, factor, shift[1]]])
    canvas = _uint8(cv2.warpAffine(image, matrix, out[::-1], flags=cv2.INTER_LINEAR))
    return canvas, Transform((factor, factor), shift, (height, width), out)


def affine(
    image: Image, region: Region, out: tuple[int, int], udp: bool
) -> tuple[Image, Transform]:
    """Warp a region of the image to size `out`; what lies outside of the image is black."""
    matrix = affine_matrix(region, out, udp)
    canvas = _uint8(cv2.warpAffine(image, matrix, out[::-1], flags=cv2.INTER_LINEAR))
    (scale_x, _, shift_x), (_, scale_y, shift_y) = matrix.tolist()
    return canvas, Transform((scale_x, scale_y), (shift_x, shift_y), image.shape[:2], out)


def crop(
    image: Image, part: tuple[int, int, int, int], out: tuple[int, int]
) -> tuple[Image, Transform]:
    """Cut out x1, y1, x2, y2 and stretch it to size `out`."""
    left, top, right, bottom = part
    inside = np.ascontiguousarray(image[top:bottom, left:right])
    canvas = _uint8(cv2.resize(inside, out[::-1], interpolation=cv2.INTER_LINEAR))
    scale = (out[1] / (right - left), out[0] / (bottom - top))
    shift = (-left * scale[0], -top * scale[1])
    return canvas, Transform(scale, shift, image.shape[:2], out)


def _uint8(image: NDArray[Any]) -> Image:
    return image.astype(np.uint8, copy=False)
