"""Progress on standard error: loss, error on the held-back images, time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from .distilled import Status, Watch

EVERY = 20.0  # seconds between lines where there is no terminal to draw a bar on


@contextmanager
def bar() -> Iterator[Watch]:
    """Show a bar until the context is left, or lines in a log; the yielded function moves it."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield _lines(console)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[figures]}"),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("looking at the network", total=1.0, figures="")

        def watch(status: Status) -> None:
            progress.update(
                task,
                description=_title(status),
                completed=status.progress,
                figures=_figures(status),
            )

        yield watch


def _lines(console: Console) -> Watch:
    """A watch that prints a line now and then."""
    printed = time.monotonic()

    def watch(status: Status) -> None:
        nonlocal printed
        if time.monotonic() - printed > EVERY:
            printed = time.monotonic()
            text = f"{_title(status)}: {status.progress:.0%} {_figures(status)}"
            console.print(text.rstrip(), soft_wrap=True)

    return watch


def _title(status: Status) -> str:
    return f"{status.stage}, step {status.step}" if status.step else status.stage


def _figures(status: Status) -> str:
    if not status.step:
        return ""
    errors = " ".join(f"{name} {value:.4f}" for name, value in status.error.items())
    return f"loss {status.loss:.4f}, held back: {errors}"
