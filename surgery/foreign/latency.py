"""How long the found graph takes as it was found, and operated on, run in turn in one process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import onnx

from ..graph.run import Array, opened
from ..measure.latency import Latency, in_turn

SECONDS = 30.0  # of timing at most, for graphs that take long


@dataclass(frozen=True)
class Comparison:
    """Latency of both graphs in ONNX Runtime on the CPU, its optimisations on.

    Attributes:
        found: the whole graph as it was found, its decoding included; None where it does not run.
        operated: the backbone alone.
        decoding: decoding its heads on the host.
        runs: of each, at most.
        threads: of ONNX Runtime; None for its own choice.
        problem: why the found graph was not timed, or "".
    """

    found: Latency | None
    operated: Latency
    decoding: Latency
    runs: int
    threads: int | None
    problem: str

    @property
    def speedup(self) -> float | None:
        """Median of the found graph over that of backbone and decoding together."""
        if self.found is None:
            return None
        return self.found.median / (self.operated.median + self.decoding.median)

    def to_json(self) -> dict[str, Any]:
        """Return plain values; times in milliseconds."""
        return {**asdict(self), "speedup": self.speedup}


def compare_latency(
    found: onnx.ModelProto,
    feeds: Mapping[str, Array],
    backbone: Callable[[], object],
    decoding: Callable[[], object],
    *,
    runs: int,
    threads: int | None,
    problem: str = "",
) -> Comparison:
    """Time the found graph against the operated one.

    Args:
        found: the whole graph as it was found.
        feeds: its inputs.
        backbone: runs the operated graph once on the same picture.
        decoding: decodes its heads once.
        runs: counted runs of each, fewer where they take long.
        threads: of ONNX Runtime.
        problem: why the found graph is known not to run; it is not tried then.
    """
    calls = {"operated": backbone, "decoding": decoding}
    if not problem:
        try:
            session = opened(found, threads)
            session.run(None, dict(feeds))
            calls["found"] = lambda: session.run(None, dict(feeds))
        except Exception as error:  # ONNX Runtime raises anything on a foreign graph
            problem = " ".join(str(error).split())
    times = in_turn(calls, seconds=SECONDS, most=runs)
    return Comparison(
        found=times.get("found"),
        operated=times["operated"],
        decoding=times["decoding"],
        runs=runs,
        threads=threads,
        problem=problem,
    )
