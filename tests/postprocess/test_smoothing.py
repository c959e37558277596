"""Filters over time: the paper's algorithm, less jitter, little lag, nothing invented for gaps."""

from __future__ import annotations

import math

import numpy as np
import pytest

from postprocess.result import Instance, Result
from postprocess.smoothing import EMA, FILTERS, KeypointSmoother, OneEuro


def paper(samples: list[tuple[float, float]], fcmin: float, beta: float, fcd: float) -> list[float]:
    """Algorithm 1 of Casiez et al. for one number, written from the paper: (time, value) pairs."""

    def alpha(rate: float, cutoff: float) -> float:
        tau = 1 / (2 * math.pi * cutoff)
        return 1 / (1 + tau * rate)

    out, hat, dhat, before = [], 0.0, 0.0, 0.0
    for i, (when, x) in enumerate(samples):
        if i == 0:
            hat, dhat = x, 0.0
        else:
            rate = 1 / (when - before)
            dx = (x - hat) * rate
            dhat = alpha(rate, fcd) * dx + (1 - alpha(rate, fcd)) * dhat
            fc = fcmin + beta * abs(dhat)
            hat = alpha(rate, fc) * x + (1 - alpha(rate, fc)) * hat
        before = when
        out.append(hat)
    return out


def test_one_euro_is_the_papers_algorithm_at_uneven_times() -> None:
    rng = np.random.default_rng(0)
    times = np.cumsum(rng.uniform(0.01, 0.1, 50))
    values = rng.normal(size=(50, 3)).cumsum(axis=0)
    own = OneEuro(min_cutoff=0.7, beta=0.3, derivative_cutoff=1.2)
    got = np.array([own(row, when, scale=2.0) for row, when in zip(values, times, strict=True)])
    for column in range(3):
        samples = list(zip(times, values[:, column], strict=True))
        expected = paper(samples, 0.7, 0.3 / 2, 1.2)  # a scale of 2 halves every speed
        np.testing.assert_allclose(got[:, column], expected, rtol=1e-12)


def test_jitter_at_rest_shrinks_to_less_than_half() -> None:
    noise = np.random.default_rng(0).normal(size=(300, 17, 2))
    for make in FILTERS.values():
        own = make()
        smooth = np.array([own(row, i / 30, scale=100.0) for i, row in enumerate(noise)])
        jitter = [np.diff(each, axis=0).std() for each in (noise, smooth)]
        assert jitter[1] < 0.5 * jitter[0]


def test_one_euro_lags_less_than_an_average_that_is_as_smooth_at_rest() -> None:
    walk = np.arange(60.0)[:, None] * 10  # three boxes of 100 pixels a second
    lags = []
    for own in (OneEuro(beta=5.0), OneEuro(beta=0.0)):
        lags.append(walk[-1, 0] - [own(row, i / 30, 100.0) for i, row in enumerate(walk)][-1][0])
    assert lags[0] < 0.25 * lags[1]


@pytest.mark.parametrize("make", FILTERS.values(), ids=FILTERS.keys())
def test_values_that_are_not_finite_come_back_and_leave_no_trace(make: type[OneEuro]) -> None:
    own = make()
    for i, value in enumerate((np.nan, 5.0, np.inf, 5.0)):
        out = own(np.array([value, 1.0]), i / 10)
        np.testing.assert_array_equal(out, [value, 1.0])


def person(track: int | None, x: float, score: float = 0.5) -> Result:
    keypoints = np.array([[x, 50, score], [x + 10, 60, score]], np.float32)
    box = np.array([x, 0, x + 100, 100], np.float32)
    return Result((Instance("person", 0, 0.9, box, keypoints=keypoints, track=track),), (200, 200))


def test_each_track_is_filtered_alone_and_scores_are_kept() -> None:
    smooth = KeypointSmoother(lambda: EMA(0.5))
    smooth(person(1, 0), 0.0)
    other = smooth(person(2, 100), 0.1).instances[0].keypoints
    same = smooth(person(1, 10, score=0.25), 0.2).instances[0].keypoints
    assert other is not None
    assert same is not None
    assert other[0].tolist() == [100, 50, 0.5]
    assert same.tolist() == [[5, 50, 0.25], [15, 60, 0.25]]


def test_a_track_that_was_away_for_a_second_starts_anew_and_one_without_id_is_left_alone() -> None:
    smooth = KeypointSmoother(lambda: EMA(0.5))
    smooth(person(1, 0), 0.0)
    back = smooth(person(1, 50), 1.5).instances[0].keypoints
    assert back is not None
    assert back[0, 0] == 50
    for x in (0, 50):
        unknown = smooth(person(None, x), 2.0 + x).instances[0].keypoints
        assert unknown is not None
        assert unknown[0, 0] == x
