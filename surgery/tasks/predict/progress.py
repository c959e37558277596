"""How far a run is: pictures, rate, time left, on standard error."""

from __future__ import annotations

import sys
import time

from postprocess.progress import Progress as Line

from .worker import Done

EVERY = 10.0
"""Seconds between lines where standard error is no terminal."""


class Progress:
    """Counts what is done.

    Args:
        total: pictures of the run.
        before: of them that an earlier run did.
    """

    def __init__(self, total: int, before: int) -> None:
        self.total, self.before = total, before
        self.pictures = self.errors = 0
        self.begun = self.ended = float("inf")
        self._line = Line(sys.stderr.isatty())
        self._said = time.monotonic()

    def add(self, done: Done) -> None:
        """Count a part and say how far the run is."""
        self.pictures += done.pictures
        self.errors += done.errors
        self.begun, self.ended = min(self.begun, done.begun), time.time()
        if self._line.enabled or time.monotonic() - self._said >= EVERY:
            self._said = time.monotonic()
            self._line.status(self.text())

    def rate(self) -> float:
        """Pictures a second, from when the first one was read to the last part."""
        return self.pictures / max(self.ended - self.begun, 1e-9)

    def text(self) -> str:
        """One line for people."""
        made = self.before + self.pictures
        left = (self.total - made) / self.rate()
        errors = f", {self.errors:,} not read" if self.errors else ""
        return (
            f"{made:,} of {self.total:,} pictures, {self.rate():,.1f} a second, "
            f"{_duration(left)} left{errors}"
        )

    def clear(self) -> None:
        """Take back the line that is shown."""
        self._line.clear()


def _duration(seconds: float) -> str:
    """As 45 s, 12 min 5 s, 3 h 20 min, 2 d 4 h."""
    whole = round(seconds)
    units = [(86400, "d"), (3600, "h"), (60, "min"), (1, "s")]
    parts: list[str] = []
    for size, name in units:
        count, whole = divmod(whole, size)
        if count or (parts and len(parts) < 2):
            parts.append(f"{count} {name}")
    return " ".join(parts[:2]) or "0 s"
