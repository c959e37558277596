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

    The message is one line that says what was expected, what came and what to do.
    """


def unwritable(error: OSError) -> str:
    """One line for a full disk, a quota, a read-only or a forbidden place; "" for other errors."""
    if error.errno not in _REFUSING:
        return ""
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror}"


def drop_output() -> None:
    """Let what standard output still holds go nowhere: what reads it has gone, or is full."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
