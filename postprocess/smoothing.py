"""Keypoints of a video without jitter: low-pass filters over time, one for each track.

One-Euro: Casiez, Roussel, Vogel, "1 Euro Filter", CHI 2012, algorithm 1: an exponential average
whose cutoff grows with the speed, so that still points rest and fast ones do not lag. Speeds are
counted in sizes of the person's box a second, so that one `beta` serves near and far persons.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .instances import Array
from .result import Instance, Result

RESTART = 1.0
"""A track that was away for more seconds than this is filtered anew."""

_Values = NDArray[np.floating[Any]]


class Filter(Protocol):
    """A low-pass filter over arrays of one shape."""

    def __call__(self, values: _Values, seconds: float, scale: float = 1.0) -> _Values:
        """Filter the next values.

        Args:
            values: any shape, the same in each call; those not finite come back as they are and
                leave the filter as it was.
            seconds: when, larger than the last call's.
            scale: length that counts as 1 in a speed, in the values' unit.
        """


class EMA:
    """Exponential moving average.

    Args:
        alpha: weight of the newest values, over 0 to 1.
    """

    def __init__(self, alpha: float = 0.5) -> None:
        self.alpha = alpha
        self._last: _Values | None = None

    def __call__(self, values: _Values, seconds: float, scale: float = 1.0) -> _Values:
        """See `Filter`; neither time nor scale matters."""
        self._last = _blend(self._last, values, self.alpha)
        return np.where(np.isfinite(values), self._last, values)


class OneEuro:
    """The 1 Euro filter.

    Args:
        min_cutoff: cutoff at rest, Hz: less is smoother, and lags more.
        beta: growth of the cutoff with speed, Hz for one scale a second: more lags less.
        derivative_cutoff: cutoff of the speed's own filter, Hz.
    """

    def __init__(
        self, min_cutoff: float = 1.0, beta: float = 5.0, derivative_cutoff: float = 1.0
    ) -> None:
        self.min_cutoff, self.beta, self.derivative_cutoff = min_cutoff, beta, derivative_cutoff
        self._last: _Values | None = None
        self._speed: _Values | None = None
        self._seconds = 0.0

    def __call__(self, values: _Values, seconds: float, scale: float = 1.0) -> _Values:
        """See `Filter`."""
        if self._last is None:
            self._last, self._speed = values.copy(), np.zeros_like(values)
        else:
            period = seconds - self._seconds
            speed = (values - self._last) / (period * scale)
            self._speed = _blend(
                self._speed, speed, smoothing_factor(self.derivative_cutoff, period)
            )
            cutoff = self.min_cutoff + self.beta * np.abs(self._speed)
            self._last = _blend(self._last, values, smoothing_factor(cutoff, period))
        self._seconds = seconds
        return np.where(np.isfinite(values), self._last, values)


def smoothing_factor(cutoff: Any, period: float) -> Any:
    """Weight of the newest value in a low-pass of that cutoff, Hz, sampled each `period` s."""
    return 1 / (1 + 1 / (2 * math.pi * cutoff * period))


def _blend(last: _Values | None, values: _Values, weight: Any) -> _Values:
    """Move on from `last` to `values` by `weight`; a first finite value is taken as it is."""
    if last is None:
        return values.copy()
    moved = np.where(np.isfinite(last), last + weight * (values - last), values)
    return np.where(np.isfinite(values), moved, last)


FILTERS: dict[str, Callable[[], Filter]] = {"one-euro": OneEuro, "ema": EMA}


class KeypointSmoother:
    """Filters the keypoints of each track; instances without a track or keypoints stay as they are.

    Args:
        make: builds one track's filter.
    """

    def __init__(self, make: Callable[[], Filter]) -> None:
        self._make = make
        self._filters: dict[int, tuple[Filter, float]] = {}

    def __call__(self, result: Result, seconds: float) -> Result:
        """The result with smoothed points, scores untouched.

        Args:
            result: with track ids.
            seconds: when the frame is shown, larger than the last call's.
        """
        self._filters = {
            track: (each, seen)
            for track, (each, seen) in self._filters.items()
            if seconds - seen <= RESTART
        }
        moved = tuple(self._smoothed(item, seconds) for item in result.instances)
        return replace(result, instances=moved)

    def _smoothed(self, item: Instance, seconds: float) -> Instance:
        if item.track is None or item.keypoints is None:
            return item
        own = self._filters[item.track][0] if item.track in self._filters else self._make()
        self._filters[item.track] = own, seconds
        points = own(item.keypoints[:, :2], seconds, _size(item.box))
        keypoints = np.concatenate([points, item.keypoints[:, 2:]], axis=1)
        return replace(item, keypoints=keypoints.astype(np.float32))


def _size(box: Array) -> float:
    """Side of the square of a box's area, pixels; at least one."""
    sides = np.clip(box[2:] - box[:2], 0, None).astype(float)
    return max(1.0, math.sqrt(float(np.prod(sides))))
