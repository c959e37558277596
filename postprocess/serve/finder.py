"""The bundle of a server, and the detector before it: content of an image file -> its objects."""

from __future__ import annotations

from dataclasses import dataclass

from ..detector import Detector
from ..errors import InputError
from ..images import decode_image
from ..preprocess import Image
from ..result import Result
from ..runtime import Runtime, load
from .settings import Settings

FORMATS = {b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n\x1a\n": "PNG", b"BM": "BMP"}
"""First bytes of the formats that are taken; WebP's stand at two places."""

NAMES = "JPEG, PNG, WebP or BMP"


class FormatError(InputError):
    """The upload is of a format that the server does not take."""


class SizeError(InputError):
    """The image has more pixels than OpenCV is allowed to decode."""


@dataclass(frozen=True)
class Finder:
    """Finds the objects of one image after another.

    Attributes:
        runtime: the bundle.
        detector: finds the persons first, or None.
    """

    runtime: Runtime
    detector: Detector | None = None

    def __call__(self, data: bytes, name: str) -> tuple[Image, Result]:
        """Decode an image file and find its objects.

        Raises:
            FormatError: not one of the formats.
            SizeError: too many pixels.
            InputError: a broken file, or an image that the network does not take.
        """
        check_format(data, name)
        try:
            image = decode_image(data, name)
        except InputError as error:
            if "MAX_IMAGE_" in str(error):  # OpenCV's guard, which names its own setting
                raise SizeError(f"{name}: the image has too many pixels: scale it down") from error
            raise
        boxes = self.detector(image) if self.detector else None
        return image, self.runtime(image, boxes)


def load_finder(settings: Settings) -> Finder:
    """Load what the settings name.

    Raises:
        InputError: what is wrong with a bundle.
    """
    runtime = load(settings.bundle, threads=settings.threads)
    if settings.detector is None:
        return Finder(runtime)
    return Finder(runtime, Detector(settings.detector, runtime.bundle.classes, settings.threads))


def check_format(data: bytes, name: str) -> None:
    """Look at the first bytes; a FormatError says what was expected."""
    webp = data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    if not webp and not data.startswith(tuple(FORMATS)):
        came = f"it starts with {data[:8]!r}" if data else "it is empty"
        raise FormatError(f"{name}: expected a {NAMES} file, {came}")
