"""A progress bar for loops over images: on a terminal, and only where the loop takes a while."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import Progress

T = TypeVar("T")
PATIENCE = 2.0  # seconds without a bar


def track(items: Iterable[T], what: str, total: int) -> Iterator[T]:
    """Yield the items, showing how many of `total` are done once `PATIENCE` has passed."""
    console = Console(stderr=True)
    bar = Progress(console=console, transient=True, disable=not console.is_terminal)
    task = bar.add_task(what, total=total)
    begun, shown = time.monotonic(), False
    try:
        for done, item in enumerate(items, 1):
            yield item
            bar.update(task, completed=done)
            if not shown and time.monotonic() - begun > PATIENCE:
                bar.start()
                shown = True
    finally:
        bar.stop()
