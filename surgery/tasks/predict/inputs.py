"""The pictures that ``images=`` names, on this machine's disk or wherever fsspec reaches.

A path with ``://`` in it (``s3://bucket/photos/*.jpg``) is fsspec's; its package for that protocol
(s3fs, gcsfs, ...) has to be installed on every machine.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from postprocess.errors import InputError
from postprocess.images import SUFFIXES, decode_image, find_images, read_image
from postprocess.preprocess import Image
from postprocess.reading import read_text

REMOTE = "://"
_STAMPS = ("ETag", "etag", "mtime", "LastModified", "last_modified", "updated", "created")


class Picture(NamedTuple):
    """A picture and what tells one state of its file from another.

    Attributes:
        path: as given.
        size: bytes; -1 where there is no such file.
        stamp: of its last change.
    """

    path: str
    size: int
    stamp: str


def find_pictures(images: Sequence[str]) -> list[Picture]:
    """Every picture once, in the order of the arguments and sorted within a folder or a pattern.

    Args:
        images: files, folders, patterns, and ``.txt`` files with a path a line.

    Raises:
        InputError: a folder or a pattern without a picture, or a place that cannot be listed.
    """
    if not images:
        raise InputError("images=[]: expected a file, a folder, a pattern or a list of them")
    found: dict[str, Picture] = {}
    for each in images:
        for path in _lines(each) if each.endswith(".txt") else (each,):
            for picture in _remote(path) if REMOTE in path else map(_local, find_images(path)):
                found.setdefault(picture.path, picture)
    return list(found.values())


def read_picture(path: str) -> Image:
    """Read a picture as (H, W, 3) uint8 BGR, upright.

    Raises:
        InputError: it cannot be read, or is no image.
    """
    if REMOTE not in path:
        return read_image(path)
    try:
        system, name = _filesystem(path)
        data = system.cat_file(name)
    except Exception as error:  # each file system has its own
        raise InputError(f"{path}: cannot be read: {_one_line(error)}") from error
    return decode_image(data, path)


def _lines(path: str) -> Iterator[str]:
    try:
        text = read_text(os.path.expanduser(path))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {_one_line(error)}") from error
    return (line.strip() for line in text.splitlines() if line.strip())


def _local(path: str) -> Picture:
    try:
        found = os.stat(path)
    except OSError:
        return Picture(path, -1, "")
    return Picture(path, found.st_size, str(found.st_mtime_ns))


def _remote(given: str) -> list[Picture]:
    """What a URL names: an object, the pictures of a folder, or those of a pattern."""
    try:
        system, name = _filesystem(given)
        if any(sign in name for sign in "*?["):
            entries = system.glob(name, detail=True)
        elif system.isdir(name):
            entries = {entry["name"]: entry for entry in system.ls(name, detail=True)}
        else:
            known = system.exists(name)
            return [_described(given, system.info(name))] if known else [Picture(given, -1, "")]
        found = [
            _described(system.unstrip_protocol(path), info)
            for path, info in sorted(entries.items())
            if info.get("type") != "directory" and path.lower().endswith(SUFFIXES)
        ]
    except Exception as error:  # each file system has its own
        raise InputError(f"{given}: cannot be listed: {_one_line(error)}") from error
    if not found:
        raise InputError(f"{given}: no image there ({', '.join(SUFFIXES)})")
    return found


def _described(path: str, info: Mapping[str, Any]) -> Picture:
    stamp = next((str(info[key]) for key in _STAMPS if info.get(key) is not None), "")
    return Picture(path, int(info.get("size") or 0), stamp)


def _filesystem(url: str) -> tuple[Any, str]:
    import fsspec.core

    return fsspec.core.url_to_fs(url)  # type: ignore[no-any-return]


def _one_line(error: Exception) -> str:
    strerror = getattr(error, "strerror", None)
    return strerror or " ".join(str(error).split()) or type(error).__name__
