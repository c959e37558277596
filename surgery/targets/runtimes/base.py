"""What a run time is: whether it is here, which version, and a graph opened in it."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from postprocess.errors import InputError

Array = NDArray[Any]


class Session(ABC):
    """A graph opened in a run time: arrays by input name in, arrays by output name out.

    Arrays have the ONNX graph's own dtypes, shapes and layout, whatever the run time prefers.
    """

    @abstractmethod
    def __call__(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """Run the graph once."""

    def seconds(self, feeds: Mapping[str, Array], runs: int) -> list[float]:
        """Return the wall time of each of ``runs`` runs."""
        times = []
        for _ in range(runs):
            start = time.perf_counter()
            self(feeds)
            times.append(time.perf_counter() - start)
        return times


class Runtime(Protocol):
    """A run time that may be installed."""

    @property
    def name(self) -> str:
        """What targets and tables call it."""

    @property
    def install(self) -> str:
        """The command or the words that bring it here."""

    def version(self) -> str | None:
        """Return its version, None where it is not installed; nothing heavy is imported."""

    def load(self, path: Path, threads: int) -> Session:
        """Open the ONNX file ``path``, for ``threads`` threads on the CPU.

        Raises:
            InputError: it is not installed, or does not take the graph.
        """


def installed(package: str) -> str | None:
    """Return the version of a Python package, None where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def require(runtime: Runtime) -> None:
    """Refuse to go on where ``runtime`` is missing.

    Raises:
        InputError: saying what to install.
    """
    if runtime.version() is None:
        raise InputError(f"{runtime.name} is not installed: {runtime.install}")


def refused(runtime: str, path: Path, error: object) -> InputError:
    """One line about a graph that a run time does not take."""
    cause = " ".join(str(error).split())
    return InputError(f"{runtime} does not take {path.name}: {cause}")
