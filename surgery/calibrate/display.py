"""A progress bar on standard error: loss, error on the held-back images, time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from .distilled import Status, Watch


@contextmanager
def bar() -> Iterator[Watch]:
    """Show a bar until the context is left; the yielded function moves it."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[figures]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("looking at the network", total=1.0, figures="")

        def watch(status: Status) -> None:
            errors = " ".join(f"{name} {value:.4f}" for name, value in status.error.items())
            figures = f"loss {status.loss:.4f}  held back: {errors}" if status.step else ""
            title = f"{status.stage}, step {status.step}" if status.step else status.stage
            progress.update(task, description=title, completed=status.progress, figures=figures)

        yield watch
