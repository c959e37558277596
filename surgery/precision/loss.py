"""The cost of a reduced precision: noise in the heads, and changes in the decoded instances.

Measured against the same graphs in float32, on pictures that the calibration has not seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from postprocess.instances import Array

from ..job.compare import CLOSE
from ..measure.instances import SURE, matching
from ..network.run import Run


@dataclass(frozen=True)
class Loss:
    """Distance of runs from those in float32.

    Attributes:
        noise: root mean square of the difference relative to that of the output, by head.
        lost: share of the instances of either that the other does not have, 0 where both have none.
        distance: mean distance of matched contours (keypoints, boxes), network-input pixels.
    """

    noise: Mapping[str, float]
    lost: float
    distance: float

    @property
    def worst(self) -> float:
        """The noise of the head that suffers most."""
        return max(self.noise.values())

    def to_json(self) -> dict[str, float]:
        """Figures by name, for the ledger."""
        heads = {f"noise {name}": value for name, value in self.noise.items()}
        return {**heads, "lost": self.lost, "distance": self.distance}


@dataclass(frozen=True)
class Bound:
    """The largest loss that is let through.

    Attributes:
        rounding: largest difference of a head's value relative to the head's scale, as
            :class:`~surgery.parity.Parity` takes it: ten times as much is let through.
        noise: see :class:`Loss`.
        lost: likewise.
        distance: likewise.
    """

    rounding: float
    noise: float
    lost: float
    distance: float

    def beyond(self, loss: Loss) -> list[str]:
        """What of a loss is too much, in words; none where it is within the bound."""
        words = [
            f"noise of {name} {value:.2g} (at most {self.noise:g})"
            for name, value in loss.noise.items()
            if not value <= self.noise
        ]
        if not loss.lost <= self.lost:
            words.append(f"{loss.lost:.1%} of the instances differ (at most {self.lost:.0%})")
        if not loss.distance <= self.distance:
            words.append(f"contours {loss.distance:.2g} px apart (at most {self.distance:g})")
        return words


# Of the demo network of E2EC on drawn scenes, relative to an output: float16 makes a largest
# difference of 9.4e-4 and a noise of 7.4e-4, of which ten times is let through. 8-bit integers in
# all layers make 8.6e-2 and 4.5e-2, which cost it half a point of mask AP: twice the difference is
# let through, and hardly more of the noise.
BOUNDS = {
    "fp16": Bound(rounding=1e-3, noise=7e-3, lost=0.0, distance=0.1),
    "int8": Bound(rounding=0.02, noise=0.05, lost=0.05, distance=CLOSE),
}


def noise(reference: Sequence[Mapping[str, Array]], other: Sequence[Mapping[str, Array]]) -> Loss:
    """Compare heads of several pictures; nothing is decoded."""
    found = {}
    for name in reference[0]:
        exact, power = 0.0, 0.0
        for before, after in zip(reference, other, strict=True):
            exact += float(np.square(before[name], dtype=np.float64).sum())
            power += float(np.square(before[name] - after[name], dtype=np.float64).sum())
        ratio = power / exact if exact else float(power > 0)
        found[name] = float(np.sqrt(ratio)) if np.isfinite(ratio) else float("inf")
    return Loss(found, 0.0, 0.0)


def loss(reference: Sequence[Run], other: Sequence[Run]) -> Loss:
    """Compare runs of several pictures, heads and instances."""
    heads = noise([run.heads for run in reference], [run.heads for run in other])
    pairs = missed = 0
    distance = 0.0
    for before, after in zip(reference, other, strict=True):
        found = matching(before.instances, after.instances)
        matched_before, matched_after = {i for i, _ in found.pairs}, {j for _, j in found.pairs}
        missed += int(
            (before.instances.scores[_rest(matched_before, found.reference)] >= SURE).sum()
        )
        missed += int((after.instances.scores[_rest(matched_after, found.other)] >= SURE).sum())
        pairs += found.matched
        distance += found.mean * found.matched
    return Loss(heads.noise, missed / max(1, pairs + missed), distance / max(1, pairs))


def _rest(matched: set[int], count: int) -> list[int]:
    return [index for index in range(count) if index not in matched]
