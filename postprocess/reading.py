"""Files that somebody names: regular ones alone, of a bounded size.

A pipe without a writer lets its reader wait for ever, and a device such as /dev/zero has no end.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from .errors import InputError

MOST = 2**31  # bytes: what protobuf, OpenCV and json take at most, or less
_PART = 2**20  # bytes


def read_bytes(path: str | os.PathLike[str], most: int = MOST) -> bytes:
    """Read a whole file.

    Args:
        most: bytes that it may have.

    Raises:
        InputError: it is a folder, a pipe or a device, or larger.
        OSError: it is missing or cannot be read.
    """
    require_regular(path, most)
    parts, size = [], 0
    with Path(path).open("rb") as file:
        # read(most + 1) would set aside that much memory for a file of a few bytes
        expected = os.fstat(file.fileno()).st_size
        while part := file.read(min(max(expected, _PART), most - size) + 1):
            parts.append(part)
            size += len(part)
            if size > most:  # it grew, or told no size, as those in /proc
                raise InputError(f"{path}: larger than {most:,} bytes")
    return b"".join(parts)


def read_text(path: str | os.PathLike[str], most: int = MOST) -> str:
    """Read a whole file of UTF-8; errors as :func:`read_bytes`, and UnicodeDecodeError."""
    return read_bytes(path, most).decode("utf-8")


def require_regular(path: str | os.PathLike[str], most: int | None = None) -> None:
    """Refuse what is there and is no regular file, or is larger than ``most`` bytes.

    Raises:
        InputError: naming what it is.
        OSError: it is missing or cannot be looked at.
    """
    found = os.stat(path)
    if not stat.S_ISREG(found.st_mode):
        raise InputError(f"{path}: expected a file, this is {_kind(found.st_mode)}")
    if most is not None and found.st_size > most:
        raise InputError(f"{path}: {found.st_size:,} bytes, expected at most {most:,}")


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder"
    if stat.S_ISFIFO(mode):
        return "a pipe"
    return "a socket" if stat.S_ISSOCK(mode) else "a device"
