"""Images displaced by whole pixels: one Pad, then Slices whose ends count from the borders.

No size of the image is in the graph, so that it holds for every size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from torch import Tensor

from ..geometry import Geometry, Pair
from .graph_value import Value, conv2d, pad
from .reach import Span

Image = TypeVar("Image", Tensor, Value)


class Displaced(Generic[Image]):
    """What each tap of a layer reads, displaced by whole pixels; zeros outside the image.

    Args:
        padded: (N, C, H + ..., W + ...).
        geometry: sizes of the layer.
        before: zeros above and left of the image.
        after: zeros below and right of it.
    """

    def __init__(self, padded: Image, geometry: Geometry, before: Pair, after: Pair) -> None:
        self._padded: Image = padded
        self._geometry = geometry
        self._before, self._after = before, after
        self._columns: dict[int, Image] = {}
        self._images: dict[Pair, Image] = {}

    @classmethod
    def of(cls, image: Image, geometry: Geometry, spans: Sequence[Span]) -> Displaced[Image]:
        """Pad ``image`` (N, C, H, W) as far as the taps reach with ``spans``."""
        ends = []
        for axis, (low, high) in enumerate((("top", "bottom"), ("left", "right"))):
            base = [_base(geometry, index % geometry.taps, axis) for index in range(len(spans))]
            first = min(b + getattr(s, low) for b, s in zip(base, spans, strict=True))
            last = max(b + getattr(s, high) for b, s in zip(base, spans, strict=True))
            overhang = last + 2 * geometry.padding[axis] - geometry.extent[axis]
            ends.append((max(0, -first), max(0, overhang)))
        (top, bottom), (left, right) = ends
        before, after = (top, left), (bottom, right)
        return cls(pad(image, before, after), geometry, before, after)

    def channels(self, first: int, last: int) -> Displaced[Image]:
        """The same of some channels of the image."""
        part = self._padded[:, first:last]
        return Displaced(part, self._geometry, self._before, self._after)

    def convolved(self, weight: Tensor, groups: int) -> Displaced[Image]:
        """The same of the image after a 1x1 convolution."""
        padded = conv2d(self._padded, weight, groups=groups)
        return Displaced(padded, self._geometry, self._before, self._after)

    def __call__(self, tap: int, i: int, j: int) -> Image:
        """What ``tap`` reads, displaced by (i, j), for each output pixel: (N, C, rows, columns)."""
        y, x = (_base(self._geometry, tap, axis) + shift for axis, shift in enumerate((i, j)))
        if (y, x) not in self._images:
            if x not in self._columns:
                self._columns[x] = self._cut(self._padded, 1, x)
            self._images[y, x] = self._cut(self._columns[x], 0, y)
        return self._images[y, x]

    def _cut(self, image: Image, axis: int, shift: int) -> Image:
        """The stretch of one axis that starts at ``shift`` pixels from the image's first."""
        geometry = self._geometry
        start, step = shift + self._before[axis], geometry.stride[axis]
        rest = self._after[axis] - shift + geometry.extent[axis] - 2 * geometry.padding[axis]
        chosen = slice(start, -rest if rest else None, step)
        return image[:, :, chosen] if axis == 0 else image[:, :, :, chosen]


def _base(geometry: Geometry, tap: int, axis: int) -> int:
    """Where a tap reads relative to the output pixel, without an offset."""
    index = tap % geometry.kernel[1] if axis else tap // geometry.kernel[1]
    return index * geometry.dilation[axis] - geometry.padding[axis]
