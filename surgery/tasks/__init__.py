"""The jobs that ``task=NAME`` chooses among; each is imported when it is asked for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from postprocess.errors import InputError
from postprocess.registry import suggestion

if TYPE_CHECKING:
    from ..config.run import Config

TASKS = (
    *("export", "explain", "audit", "graph", "evaluate", "benchmark", "compare", "predict"),
    *("list", "scenes", "doctor"),
)


def run(config: Config) -> None:
    """Run the task that the configuration names.

    Raises:
        InputError: there is no such task, or its input is at fault.
    """
    if config.task not in TASKS:
        hint = suggestion(config.task, TASKS)
        raise InputError(f"unknown task {config.task!r}{hint} (there are: {', '.join(TASKS)})")
    importlib.import_module(f".{config.task}", __name__).run(config)
