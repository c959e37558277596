"""The search keeps what is asked for at the least latency, in forms that the target runs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from surgery.config.run import Config
from surgery.job.search import Measured, Point, choose, front
from surgery.job.strategy import exact_form
from surgery.targets import Target


def _point(exact: int, agreement: float, latency: float | None) -> Point:
    layers = tuple(f"layer{index}" for index in range(exact))
    return Point(layers, {}, Measured(agreement, latency, {}))


POINTS = [_point(0, 0.5, 10.0), _point(2, 0.93, 14.0), _point(4, 0.91, 16.0), _point(8, 1.0, 30.0)]


@pytest.mark.parametrize(("wanted", "chosen"), [(0.4, 0), (0.9, 1), (0.95, 3), (1.0, 3)])
def test_the_fastest_that_agrees_well_enough_is_chosen(wanted: float, chosen: int) -> None:
    index, reason = choose(POINTS, wanted)
    assert index == chosen
    assert f"{wanted:.0%}" in reason


def test_without_one_that_agrees_well_enough_the_closest_is_chosen_and_it_says_so() -> None:
    index, reason = choose(POINTS[:3], 0.99)
    assert index == 1
    assert "none of 3" in reason


def test_a_point_is_on_the_front_unless_another_is_faster_and_closer() -> None:
    assert [point.front for point in front(POINTS)] == [True, True, False, True]


def test_what_onnx_runtime_cannot_run_is_not_on_the_front() -> None:
    assert not front([*POINTS, _point(9, 1.0, None)])[-1].front


@pytest.mark.parametrize(
    ("target", "form"), [("onnxruntime", "native"), ("openvino", "decomposed"), ("portable", None)]
)
def test_layers_stay_exact_in_the_fastest_form_that_the_target_runs(
    compose: Callable[..., Config], target: str, form: str | None
) -> None:
    assert exact_form(Target.from_config(compose(f"target={target}").target)) == form
