"""A result drawn on its image: contours filled and outlined, keypoints and skeleton, labels.

Small images are enlarged first, so that lines and letters stay thin beside the objects; sizes of
lines and letters follow the drawing's size.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .instances import Array
from .preprocess import Image, check_image
from .result import Instance, Result

Color = tuple[int, int, int]

LEAST_SIDE = 640
"""Smaller images are enlarged by a whole factor until their longer side reaches this, pixels."""

FILL = 0.38
"""Opacity of a contour's inside."""

DRAWN_SCORE = 0.3
"""Instances below this are not drawn, as E2EC's and Deep Snake's authors draw theirs."""

KEYPOINT_SCORE = 0.2
"""Keypoints below this are not drawn."""

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_SUBPIXEL_BITS = 4  # fractional bits of the coordinates given to cv2's drawing functions


def overlay(image_bgr: Image, result: Result, least_score: float = DRAWN_SCORE) -> Image:
    """Draw a result on a copy of its image.

    Args:
        image_bgr: (H, W, 3) uint8 BGR, the image that the result is of.
        result: what the run time found in it.
        least_score: instances below it are left out.

    Returns:
        (H * f, W * f, 3) uint8 BGR, f a whole factor: 1 unless the image is small.

    Raises:
        InputError: not such an image.
    """
    check_image(image_bgr)
    factor = max(1, -(-LEAST_SIDE // max(image_bgr.shape[:2])))
    canvas = image_bgr.copy()
    if factor > 1:
        enlarged = cv2.resize(canvas, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
        canvas = enlarged.astype(np.uint8, copy=False)
    pen = _Pen(canvas, factor, max(1, round(max(canvas.shape[:2]) / 500)))
    sure = [item for item in result.instances if item.score >= least_score]
    drawn = [(item, color_of(_number(item, i))) for i, item in enumerate(sure)]
    for item, color in reversed(drawn):  # the best one last, on top
        if item.contour is not None:
            pen.fill(item.contour, color)
    for item, color in reversed(drawn):
        if item.contour is not None:
            pen.outline(item.contour, color)
        elif item.keypoints is None:
            pen.outline(_corners(item.box), color)
        if item.keypoints is not None:
            pen.skeleton(item.keypoints, result.skeleton, color)
    for item, color in reversed(drawn):
        pen.label(item, color)
    return canvas


def color_of(index: int) -> Color:
    """BGR colour of the index-th instance: hues a golden angle apart, so that any few differ."""
    hue = (index * 0.618033988749895 + 0.02) % 1.0
    lightness = (0.56, 0.46, 0.66)[index // 8 % 3]
    red, green, blue = colorsys.hls_to_rgb(hue, lightness, 0.9)
    return round(blue * 255), round(green * 255), round(red * 255)


def _number(item: Instance, index: int) -> int:
    """What an instance's colour goes by: its track, so that it keeps it through a video."""
    return index if item.track is None else item.track


@dataclass
class _Pen:
    """Draws on a canvas; takes image pixels (continuous: pixel i covers i to i + 1)."""

    canvas: Image
    factor: int
    width: int

    def fill(self, contour: Array, color: Color) -> None:
        points = self._points(contour)
        x, y, w, h = cv2.boundingRect((points >> _SUBPIXEL_BITS).astype(np.int32))
        left, top = max(x - 1, 0), max(y - 1, 0)
        part = self.canvas[top : y + h + 2, left : x + w + 2]
        if part.size == 0:  # wholly outside of the image
            return
        mask = np.zeros(part.shape[:2], np.uint8)
        inside = points - (np.array([left, top], np.int32) << _SUBPIXEL_BITS)
        cv2.fillPoly(mask, [inside], 255, cv2.LINE_AA, _SUBPIXEL_BITS)
        weight = mask[:, :, None].astype(np.float32) * np.float32(FILL / 255)
        part[:] = np.rint(part + (np.array(color, np.float32) - part) * weight).astype(np.uint8)

    def outline(self, contour: Array, color: Color) -> None:
        points = [self._points(contour)]
        self._lines(points, (0, 0, 0), self.width + 2)
        self._lines(points, color, self.width + 1)

    def _lines(self, points: list[NDArray[np.int32]], color: Color, width: int) -> None:
        cv2.polylines(self.canvas, points, True, color, width, cv2.LINE_AA, _SUBPIXEL_BITS)

    def skeleton(self, keypoints: Array, pairs: tuple[tuple[int, int], ...], color: Color) -> None:
        points, seen = self._points(keypoints[:, :2]), keypoints[:, 2] >= KEYPOINT_SCORE
        for first, second in pairs:
            if seen[first] and seen[second]:
                ends = points[first].tolist(), points[second].tolist()
                cv2.line(self.canvas, *ends, color, self.width + 1, cv2.LINE_AA, _SUBPIXEL_BITS)
        radius = (2 * self.width + 1) << _SUBPIXEL_BITS
        for point in points[seen].tolist():
            for size, shade in ((radius + (1 << _SUBPIXEL_BITS), (0, 0, 0)), (radius, color)):
                cv2.circle(self.canvas, point, size, shade, -1, cv2.LINE_AA, _SUBPIXEL_BITS)

    def label(self, item: Instance, color: Color) -> None:
        """Class and score on a plate at the top left of the box, kept inside the image."""
        track = "" if item.track is None else f"#{item.track} "
        text = f"{track}{item.label} {item.score:.2f}"
        size = 0.36 + 0.1 * self.width
        (width, height), below = cv2.getTextSize(text, _FONT, size, 1)
        rows, columns = self.canvas.shape[:2]
        corner = self._points(item.box[None, :2])[0] >> _SUBPIXEL_BITS
        left = int(np.clip(corner[0], 0, max(columns - width - 6, 0)))
        bottom = int(np.clip(corner[1], height + below + 4, max(rows - 1, height + below + 4)))
        top = bottom - height - below - 3
        cv2.rectangle(self.canvas, (left, top), (left + width + 6, bottom), color, -1)
        dark = 0.114 * color[0] + 0.587 * color[1] + 0.299 * color[2] > 120
        ink = (0, 0, 0) if dark else (255, 255, 255)
        where = (left + 3, bottom - below)
        cv2.putText(self.canvas, text, where, _FONT, size, ink, 1, cv2.LINE_AA)

    def _points(self, points: Array) -> NDArray[np.int32]:
        """(n, 2) image pixels -> fixed-point canvas pixels; whole ones are pixel centres."""
        scaled = (points.astype(np.float64) * self.factor - 0.5) * (1 << _SUBPIXEL_BITS)
        return np.rint(scaled).clip(-(1 << 24), 1 << 24).astype(np.int32)


def _corners(box: Array) -> Array:
    left, top, right, bottom = box
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float32)
