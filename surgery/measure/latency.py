"""How long each stage of a bundle takes, alone or in turn with another bundle's.

Absolute times depend on the machine and on what else runs there; the ratio of two bundles, taken
run by run in one process, is what can be quoted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from postprocess.runtime import Runtime

STAGES = ("preprocess", "backbone", "decode and refine", "all")
WARMUP = 3


@dataclass(frozen=True)
class Latency:
    """Milliseconds of one stage over all runs."""

    median: float
    p95: float
    least: float


def _once(runtime: Runtime, image: NDArray[np.uint8]) -> list[float]:
    """Milliseconds of each stage of one run, in the order of :data:`STAGES`."""
    marks = [time.perf_counter()]
    tensor, _ = runtime.preprocess(image)
    marks.append(time.perf_counter())
    heads = runtime.heads(tensor)
    marks.append(time.perf_counter())
    runtime.decode(heads)
    marks.append(time.perf_counter())
    spans = [1e3 * (after - before) for before, after in pairwise(marks)]
    return [*spans, sum(spans)]


def benchmark(
    runtimes: Mapping[str, Runtime], image: NDArray[np.uint8], runs: int
) -> dict[str, dict[str, Latency]]:
    """Time the runtimes in turn, so that a drift of the machine's speed meets all alike.

    Args:
        runtimes: loaded bundles by name.
        image: (H, W, 3) uint8 BGR.
        runs: counted runs of each, after three that are not.

    Returns:
        Latency by bundle and stage.
    """
    times: dict[str, list[list[float]]] = {name: [] for name in runtimes}
    for run in range(WARMUP + runs):
        for name, runtime in runtimes.items():
            spans = _once(runtime, image)
            if run >= WARMUP:
                times[name].append(spans)
    return {
        name: {
            stage: latency(column)
            for stage, column in zip(STAGES, zip(*rows, strict=True), strict=True)
        }
        for name, rows in times.items()
    }


def latency(values: Sequence[float]) -> Latency:
    """Median, 95th percentile and least of times in milliseconds."""
    return Latency(
        float(np.median(values)), float(np.percentile(values, 95)), float(np.min(values))
    )


def in_turn(
    calls: Mapping[str, Callable[[], object]], *, seconds: float, most: int = 50
) -> dict[str, Latency]:
    """Time calls one after another, so that a drift of the machine's speed meets all alike.

    Args:
        calls: what to time, by name.
        seconds: to spend in all; three runs of each are counted at least, ``most`` at most.
    """
    times: dict[str, list[float]] = {name: [] for name in calls}
    begun, count = time.perf_counter(), 0
    while count < 3 or (count < most and time.perf_counter() - begun < seconds):
        for name, call in calls.items():
            if count == 0:
                call()  # the first run allocates
            start = time.perf_counter()
            call()
            times[name].append(1e3 * (time.perf_counter() - start))
        count += 1
    return {name: latency(values) for name, values in times.items()}
