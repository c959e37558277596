"""Open a graph in a run time for real, in a child process, and hold it against ONNX Runtime.

A table says what a target should take; this says what it did. Both run times work in the same
child and take turns, so that whatever else the machine does meets both alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..support.child import run_within
from .runtimes import RUNTIMES, Array

REFERENCE = "onnxruntime"
LIMIT = 900.0  # seconds to open, translate and run a graph
TURNS = 5


@dataclass(frozen=True)
class Trial:
    """What came of running a graph.

    Attributes:
        runtime: name and version of the run time.
        difference: largest difference from ONNX Runtime over all outputs; nan where shapes differ.
        relative: the same in units of each output's own largest value.
        scale: largest absolute value among ONNX Runtime's outputs.
        seconds: median wall time of a run.
        reference_seconds: that of ONNX Runtime, in the same process.
    """

    runtime: str
    difference: float
    relative: float
    scale: float
    seconds: float
    reference_seconds: float

    @property
    def ratio(self) -> float:
        """Time of a run against ONNX Runtime's."""
        return self.seconds / self.reference_seconds


def attempt(
    name: str, path: Path, feeds: Mapping[str, Array], *, threads: int = 1, runs: int = 20
) -> Trial:
    """Open the ONNX file ``path`` in the run time ``name``, run and time it on ``feeds``.

    Raises:
        StepError: it is not installed, does not take the graph, or fell over it; see
            :class:`~surgery.support.child.StepError` for which signal and the stack.
    """
    step = f"run {path.name} in {name}"
    return run_within(LIMIT, step, _measure, name, path, dict(feeds), threads, runs)


def _measure(name: str, path: Path, feeds: Mapping[str, Array], threads: int, runs: int) -> Trial:
    runtime = RUNTIMES.get(name)
    session = runtime.load(path, threads)
    reference = RUNTIMES.get(REFERENCE).load(path, threads)
    expected, found = reference(feeds), session(feeds)
    scales = {key: _largest(array) for key, array in expected.items()}
    apart = {key: _apart(expected[key], found[key]) for key in expected}
    each = max(1, runs // TURNS)
    times: list[float] = []
    reference_times: list[float] = []
    for _ in range(TURNS):
        times += session.seconds(feeds, each)
        reference_times += reference.seconds(feeds, each)
    return Trial(
        runtime=f"{name} {runtime.version()}",
        difference=float(np.max(list(apart.values()))),  # nan, where there is one
        relative=float(np.max([apart[key] / scales[key] for key in expected])),
        scale=max(scales.values()),
        seconds=float(np.median(times)),
        reference_seconds=float(np.median(reference_times)),
    )


def _largest(array: Array) -> float:
    return float(np.abs(array.astype(np.float64)).max(initial=np.finfo(np.float32).tiny))


def _apart(a: Array, b: Array) -> float:
    if a.shape != b.shape:
        return float("nan")
    return float(np.abs(a.astype(np.float64) - b.astype(np.float64)).max(initial=0.0))
