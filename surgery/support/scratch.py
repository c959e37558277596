"""Room on the disk for weights that no graph in memory can hold, shared with child processes.

A protobuf message ends at 2 GB, and so does a graph as it travels between processes and libraries.
What is beyond lies in files of one temporary folder, which the first process makes and removes
at its end; its children know it (:mod:`surgery.support.child`). TMPDIR moves it.
"""

from __future__ import annotations

import tempfile

LIMIT = 2_000_000_000
"""Bytes of weights in a graph: protobuf's 2**31 - 1, less room for the nodes."""

_limit = LIMIT
_own: tempfile.TemporaryDirectory[str] | None = None
_folder = ""


def limit() -> int:
    """Most bytes of weights that a graph in memory holds."""
    return _limit


def folder() -> str:
    """The folder, made where it is not there yet."""
    global _own, _folder
    if not _folder:
        _own = tempfile.TemporaryDirectory(prefix="surgery-weights-")
        _folder = _own.name
    return _folder


def shared() -> tuple[int, str]:
    """What a child process needs to know."""
    return limit(), folder()


def adopt(limit: int, folder: str) -> None:
    """Use what the parent uses, in a child."""
    global _limit, _folder
    _limit, _folder = limit, folder
