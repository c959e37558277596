"""The one exception for input at fault: its message is a single line fit for a terminal.

And what a command line says where the system refuses to write.
"""

from __future__ import annotations

import errno
import os
import sys

_REFUSALS = ("ENOSPC", "EDQUOT", "EFBIG", "EROFS", "EACCES", "EPERM")  # EDQUOT: not on Windows
_REFUSING = frozenset(getattr(errno, name) for name in _REFUSALS if hasattr(errno, name))


class InputError(ValueError):
    """The caller's input is at fault.

    The message is one line that says what was expected, what came and what to do. Names that it
    repeats may come from strangers: what would break the line or steer a terminal is written out.
    """

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


def printable(text: str) -> str:
    """``text`` on one line: white space becomes a blank, other signs that do not show an escape."""
    return "".join(
        sign if sign.isprintable() else " " if sign.isspace() else repr(sign)[1:-1] for sign in text
    )


def unwritable(error: OSError) -> str:
    """One line for a full disk, a quota, a read-only or a forbidden place; "" for other errors."""
    if error.errno not in _REFUSING:
        return ""
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror}"


def open_streams() -> None:
    """Make the standard streams usable: call it first in a command line.

    A stream that the caller closed goes nowhere; its number would else be given to the next file
    that is opened, and native code that prints would write into that file. Signs that the streams'
    encoding lacks are escaped.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
    for number, name in ((1, "stdout"), (2, "stderr")):
        stream = getattr(sys, name)
        if stream is None:
            stream = os.fdopen(number, "w", encoding="utf-8", closefd=False)
            setattr(sys, name, stream)
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def drop_output() -> None:
    """Let what standard output still holds go nowhere: what reads it has gone, or is full."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
