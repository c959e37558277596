"""Say what is going on: one line a stage on standard error, with the time it took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from rich.console import Console


class Progress:
    """Stages of a run, shown as they begin (on a terminal, with a spinner) and timed.

    Attributes:
        seconds: wall time of each finished stage by its name.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False)
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str, *, spin: bool = True) -> Iterator[None]:
        """Time the body as the stage ``name``; nothing is printed for one that raises.

        ``spin``: show a spinner; not for a body that draws a bar of its own.
        """
        start = time.perf_counter()
        with self.console.status(name) if spin else nullcontext():
            yield
        self.seconds[name] = time.perf_counter() - start
        self.console.print(f"{self.seconds[name]:7.2f} s  {name}", soft_wrap=True)

    def say(self, text: str) -> None:
        """Print a line between stages."""
        self.console.print(text, soft_wrap=True)
