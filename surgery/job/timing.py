"""Time from a picture to its result, stage by stage, and what the score threshold costs of it.

A backbone is a small part of a contour network's time: what is decoded and refined grows with the
instances, most of which may score so low that nobody looks at them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from postprocess.runtime import Runtime

from ..measure.instances import SURE
from ..measure.latency import benchmark

SECONDS = 1.0  # to spend on it
FEWEST, MOST = 3, 20  # runs


@dataclass(frozen=True)
class Timing:
    """Medians over the runs of a bundle in ONNX Runtime, on the run's own picture.

    Attributes:
        ms: milliseconds by stage of :data:`~surgery.measure.latency.STAGES`.
        runs: that were counted.
        instances: found on the picture.
        sure: those of them that score ``SURE`` or more.
        sure_ms: milliseconds in all with ``SURE`` for a threshold; None where the decoder has no
            threshold or a higher one.
    """

    ms: Mapping[str, float]
    runs: int
    instances: int
    sure: int
    sure_ms: float | None

    def to_json(self) -> dict[str, Any]:
        """As report.json holds it, under ``end_to_end``."""
        return {**asdict(self), "sure_threshold": SURE}

    def words(self) -> str:
        """One line for a terminal."""
        parts = ", ".join(f"{name} {ms:.3g}" for name, ms in self.ms.items() if name != "all")
        text = f"a picture takes {self.ms['all']:.3g} ms: {parts}"
        below = self.instances - self.sure
        if self.sure_ms is None or not below:
            return text
        return (
            f"{text}; {below} of {self.instances} instances score below {SURE:g}, without them it "
            f"takes {self.sure_ms:.3g} ms"
        )


def timing(runtime: Runtime, image: NDArray[np.uint8]) -> Timing:
    """Time ``runtime`` on ``image`` (H, W, 3) uint8 BGR."""
    begun = time.perf_counter()
    scores = [each.score for each in runtime(image).instances]
    once = time.perf_counter() - begun
    compared = {"": runtime}
    decoder: Any = runtime.decoder
    if getattr(decoder, "threshold", SURE) < SURE:
        compared["sure"] = replace(runtime, decoder=replace(decoder, threshold=SURE))
    runs = min(MOST, max(FEWEST, int(SECONDS / len(compared) / max(once, 1e-3))))
    found = benchmark(compared, image, runs)
    return Timing(
        {stage: latency.median for stage, latency in found[""].items()},
        runs,
        len(scores),
        sum(score >= SURE for score in scores),
        found["sure"]["all"].median if "sure" in found else None,
    )
