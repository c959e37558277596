"""From a photo to the network's input, and the way back for points.

tensor = (image in `color` order * scale - mean) / std, NCHW float32, after one of these rules:

- letterbox: scaled by min(H / h, W / w), INTER_AREA when shrinking and INTER_LINEAR otherwise,
  centred on black;
- stretch: to `size`;
- keep: the image (scaled by 1 / `rescale`) centred on black, sides rounded up to `multiple`;
- warp: e2ec's and Deep Snake's own test code (`augment` in dataset/train/utils.py and in
  lib/utils/snake/snake_coco_utils.py): one bilinear warpAffine about the middle of the image. Its
  canvas is that of `keep` and the factor is canvas width / image width, so an image is not
  kept but slightly enlarged; with `size`, the factor is W / max(h, w);
- affine, affine_udp: the box of one person, grown to the input's aspect and by `growth`, in one
  bilinear warpAffine, as keypoint networks are trained and evaluated (affine.py);
- crop: the box of one person, grown, cut out as far as it lies in the image, and stretched to
  `size`, as PP-TinyPose is deployed (person_crop in boxes.py).

The last three see the whole image, not grown, where no box is given.

Points: letterbox, stretch, keep and crop treat coordinates as continuous (pixel i covers i to
i + 1, as COCO's polygons do); warp, affine and affine_udp move points by the matrix that moves the
pixels, as their authors do.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .affine import person_region
from .boxes import person_crop
from .canvas import Image as Image
from .canvas import affine, crop, place, warp
from .canvas import check_image as check_image
from .errors import InputError
from .fields import Field
from .instances import Array
from .transform import Transform

_normalize: Callable[[Image, bool, float, Array, Array], Array] | None = None
try:
    from . import _native

    _normalize = _native.normalize
except ImportError:  # not built: Preprocess._table gives the same bits, many times slower
    pass

COLORS = ("bgr", "rgb", "gray", "bgra", "rgba")
CHANNELS = {"gray": 1, "bgra": 4, "rgba": 4}  # 3 for the others
OF_PERSONS = ("affine", "affine_udp", "crop")
RESIZES = ("letterbox", "stretch", "keep", "warp", *OF_PERSONS)


@dataclass(frozen=True)
class Preprocess:
    """What `bundle.json` says under "preprocess".

    Attributes:
        color: channel order that the network takes: "bgr", "rgb", "gray" (one channel, with the
            first mean and std), "bgra" or "rgba" (with an opaque alpha channel, scaled alone).
        scale: factor on pixel values, before mean and std.
        mean: per channel, in `color` order.
        std: per channel, in `color` order.
        size: (height, width) of the network's input, or None where it follows the image.
        resize: one of RESIZES (module docstring).
        multiple: sides are rounded up to it where `size` is None.
        rescale: the image is shrunk by it first where `size` is None.
        always_pad: a side that is a multiple already still grows by one multiple (512 becomes 544).
        growth: factor on the sides of a person's box, for the rules that take one.
        layout: "nchw".
        dtype: "float32".
    """

    color: str
    scale: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    size: tuple[int, int] | None
    resize: str
    multiple: int = 32
    rescale: float = 1.0
    always_pad: bool = False
    growth: float = 1.0
    layout: str = "nchw"
    dtype: str = "float32"

    def __post_init__(self) -> None:
        _check(self)

    @classmethod
    def from_json(cls, field: Field) -> Preprocess:
        """Read and check the "preprocess" object of a bundle.

        Raises:
            InputError: naming file, field, what was expected and what is there.
        """
        field.only(*cls.__dataclass_fields__)
        size = field["size"]
        values: dict[str, Any] = {
            "color": field["color"].text(COLORS),
            "scale": field["scale"].number(),
            "mean": tuple(value.number() for value in field["mean"].elements(3)),
            "std": tuple(value.number() for value in field["std"].elements(3)),
            "size": None if size.value is None else _size(size),
            "resize": field["resize"].text(RESIZES),
            "multiple": field.get("multiple", 32).integer(least=1),
            "rescale": field.get("rescale", 1.0).number(),
            "always_pad": field.get("always_pad", False).flag(),
            "growth": field.get("growth", 1.0).number(),
            "layout": field.get("layout", "nchw").text(("nchw",)),
            "dtype": field.get("dtype", "float32").text(("float32",)),
        }
        try:
            return cls(**values)
        except InputError as error:
            raise InputError(f"{field.file}: {error}") from None

    def to_json(self) -> dict[str, Any]:
        """The "preprocess" object of a bundle."""
        return {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in asdict(self).items()
        }

    @cached_property
    def _table(self) -> Array:
        """(3, 256) float32: the tensor's value for each pixel value of each channel."""
        values = np.arange(256, dtype=np.float32) * np.float32(self.scale)
        mean, std = (np.array(each, np.float32)[:, None] for each in (self.mean, self.std))
        return (values - mean) / std

    @property
    def takes_boxes(self) -> bool:
        """Whether the network sees one person of the image at a time."""
        return self.resize in OF_PERSONS

    def __call__(
        self, image_bgr: Image, box: NDArray[np.float64] | None = None
    ) -> tuple[Array, Transform]:
        """Resize and normalise an image.

        Args:
            image_bgr: (H, W, 3) uint8, BGR as OpenCV reads it.
            box: (4,) x1, y1, x2, y2 of a person, image pixels, for the rules that take one.

        Returns:
            (1, 3, h, w) float32 C-contiguous tensor, and the map between the two images' pixels.

        Raises:
            InputError: not such an image, or a box for a rule that takes none.
        """
        check_image(image_bgr)
        canvas, transform = self.resized(image_bgr, box)
        return self._normalized(canvas), transform

    def _normalized(self, canvas: Image) -> Array:
        """(h, w, 3) uint8 BGR -> (1, 3, h, w) float32, or 1 or 4 channels as `color` says."""
        if self.color == "gray":
            gray = np.asarray(cv2.cvtColor(canvas, cv2.COLOR_BGR2GRAY), np.uint8)
            return np.ascontiguousarray(np.take(self._table[0], gray)[None, None])
        if self.color in ("bgra", "rgba"):
            colors = replace(self, color=self.color[:3])._normalized(canvas)
            alpha = np.full((1, 1, *canvas.shape[:2]), 255 * self.scale, np.float32)
            return np.concatenate([colors, alpha], axis=1)
        rgb = self.color == "rgb"
        if _normalize is not None:
            mean, std = np.array(self.mean, np.float32), np.array(self.std, np.float32)
            return _normalize(np.ascontiguousarray(canvas)[None], rgb, self.scale, mean, std)
        tensor = np.empty((1, 3, *canvas.shape[:2]), np.float32)
        for i, channel in enumerate((2, 1, 0) if rgb else (0, 1, 2)):
            np.take(self._table[i], canvas[:, :, channel], out=tensor[0, i])
        return tensor

    def resized(
        self, image_bgr: Image, box: NDArray[np.float64] | None = None
    ) -> tuple[Image, Transform]:
        """Apply the resize rule alone: (h, w, 3) uint8 BGR of the network's size, and the map."""
        if self.size is not None and self.takes_boxes:
            return self._person(image_bgr, box, self.size)
        if box is not None:
            rules = ", ".join(OF_PERSONS)
            raise InputError(f"preprocess with resize {self.resize!r} takes no box, {rules} do")
        height, width = image_bgr.shape[:2]
        out = self.size or (self._side(height), self._side(width))
        if self.resize == "warp":
            return warp(image_bgr, out, width if self.size is None else max(height, width))
        if self.resize == "stretch":
            return place(image_bgr, out, out)
        if self.resize == "letterbox":
            factor = min(out[0] / height, out[1] / width)
        else:
            factor = 1.0 / self.rescale
        inner = (max(1, round(height * factor)), max(1, round(width * factor)))
        return place(image_bgr, (min(inner[0], out[0]), min(inner[1], out[1])), out)

    def _person(
        self, image: Image, box: NDArray[np.float64] | None, out: tuple[int, int]
    ) -> tuple[Image, Transform]:
        """One person of the image, or all of the image."""
        height, width = image.shape[:2]
        growth = self.growth
        if box is None:
            box, growth = np.array([0, 0, width, height], np.float64), 1.0
        if self.resize == "crop":
            return crop(image, person_crop(box, (height, width), out, growth), out)
        udp = self.resize == "affine_udp"
        return affine(image, person_region(box, out, growth), out, udp)

    def _side(self, length: int) -> int:
        """Side of the canvas for a side of the image, where the canvas follows the image."""
        scaled = length / self.rescale
        if self.always_pad:
            return (int(scaled) // self.multiple + 1) * self.multiple
        return math.ceil(scaled / self.multiple) * self.multiple


def _size(field: Field) -> tuple[int, int]:
    height, width = (side.integer(least=1) for side in field.elements(2))
    return height, width


def _check(given: Preprocess) -> None:
    """Refuse combinations that cannot be carried out."""
    if given.color not in COLORS or given.resize not in RESIZES:
        raise InputError(
            f"preprocess expects color of {COLORS} and resize of {RESIZES}, "
            f"got {given.color!r} and {given.resize!r}"
        )
    if (given.layout, given.dtype) != ("nchw", "float32"):
        raise InputError(f"preprocess gives nchw float32, not {given.layout} {given.dtype}")
    if len(given.mean) != 3 or len(given.std) != 3 or 0 in np.array(given.std, np.float32):
        raise InputError("preprocess expects three means and three std values that are not zero")
    if given.multiple < 1 or not given.rescale > 0 or not given.growth > 0:
        raise InputError("preprocess expects multiple of at least 1, rescale and growth above 0")
    if given.resize in ("letterbox", "stretch", *OF_PERSONS) and given.size is None:
        raise InputError(f"preprocess with resize {given.resize!r} needs a size, [height, width]")
    if given.resize == "keep" and given.size is not None:
        raise InputError("preprocess with resize 'keep' follows the image: its size must be null")
