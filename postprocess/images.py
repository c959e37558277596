"""Images on disk: found by path, folder or pattern, read or refused in one line, written whole."""

from __future__ import annotations

import glob
import os
import tempfile
from pathlib import Path

import cv2
import numpy as np

from .errors import InputError
from .preprocess import Image
from .reading import read_bytes

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")


def find_images(given: str) -> list[str]:
    """Paths of the images that an argument names.

    Args:
        given: a file; a folder, for the images in it (not below); or a pattern such as "*.jpg".

    Returns:
        Sorted paths; a plain file as it is, whether or not it exists.

    Raises:
        InputError: a folder or a pattern without an image.
    """
    if os.path.isdir(given):
        inside = [os.path.join(given, name) for name in sorted(os.listdir(given))]
        found = [path for path in inside if path.lower().endswith(SUFFIXES)]
    elif glob.has_magic(given) and not os.path.exists(given):
        found = [path for path in sorted(glob.glob(given, recursive=True)) if os.path.isfile(path)]
    else:
        return [given]
    if not found:
        raise InputError(f"{given}: no image there ({', '.join(SUFFIXES)})")
    return found


def read_image(path: str | os.PathLike[str]) -> Image:
    """Read an image file as (H, W, 3) uint8 BGR, turned upright as its EXIF entry says.

    Raises:
        InputError: the file cannot be read, or is not an image.
    """
    try:
        data = read_bytes(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    return decode_image(data, str(path))


def decode_image(data: bytes, name: str) -> Image:
    """Decode the content of an image file as (H, W, 3) uint8 BGR, upright as its EXIF entry says.

    Raises:
        InputError: it is not an image; the message starts with `name`.
    """
    if not data:
        raise InputError(f"{name}: not an image, the file is empty")
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise InputError(f"{name}: OpenCV cannot decode it: {error.err}") from error
    if image is None:
        raise InputError(f"{name}: not an image that OpenCV can decode ({len(data):,} bytes)")
    return image.astype(np.uint8, copy=False)


def write_image(path: str | os.PathLike[str], image: Image) -> None:
    """Write an image in the format of the path's suffix; the file appears whole or not at all.

    Raises:
        InputError: the suffix names no format, or the file cannot be written.
    """
    path = Path(path)
    try:
        good, data = cv2.imencode(path.suffix, image)
    except cv2.error:
        good = False
    if not good:
        raise InputError(f"{path}: OpenCV writes no {path.suffix!r} files")
    try:
        write_atomically(path, data.tobytes())
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from error


def write_atomically(path: Path, data: bytes) -> None:
    """Write beside the path and rename over it, with the permissions of an ordinary new file."""
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
