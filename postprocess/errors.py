"""The one exception for input at fault: its message is a single line fit for a terminal."""

from __future__ import annotations


class InputError(ValueError):
    """The caller's input is at fault.

    The message is one line that says what was expected, what came and what to do.
    """
