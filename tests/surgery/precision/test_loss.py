"""What counts as a loss, and when it is too much."""

from __future__ import annotations

import numpy as np
import pytest

from postprocess.instances import Instances
from surgery.network.run import Run
from surgery.precision.loss import BOUNDS, Loss, loss


def run(*scores: float, head: float = 1.0) -> Run:
    count = len(scores)
    boxes = np.array([[20 * i, 0, 20 * i + 10, 10] for i in range(count)], np.float32)
    instances = Instances(
        np.array(scores, np.float32), np.zeros(count, np.int64), boxes.reshape(-1, 4)
    )
    return Run({"heat": np.full((1, 1, 2, 2), head, np.float32)}, {}, instances)


def test_noise_is_the_difference_relative_to_the_output() -> None:
    assert loss([run(head=2.0)], [run(head=2.1)]).noise["heat"] == pytest.approx(0.05, rel=1e-5)


def test_an_instance_that_only_one_side_is_sure_of_is_lost() -> None:
    assert loss([run(0.9, 0.8)], [run(0.9)]).lost == 0.5
    assert loss([run(0.9)], [run(0.9, 0.8)]).lost == 0.5


def test_a_faint_instance_that_comes_or_goes_does_not_count() -> None:
    assert loss([run(0.9, 0.1)], [run(0.9)]).lost == 0.0


def test_values_that_are_not_finite_are_beyond_every_bound() -> None:
    broken = loss([run(head=1.0)], [run(head=float("inf"))])
    assert all(bound.beyond(broken) for bound in BOUNDS.values())


def test_what_is_beyond_is_said_with_the_figure_and_the_bound() -> None:
    words = BOUNDS["int8"].beyond(Loss({"heat": 0.5}, 0.0, 0.0))
    assert len(words) == 1
    assert "heat" in words[0]
    assert "0.5" in words[0]
    assert f"{BOUNDS['int8'].noise:g}" in words[0]
