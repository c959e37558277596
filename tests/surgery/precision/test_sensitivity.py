"""Few layers are left out, the most sensitive first, within a bounded time."""

from __future__ import annotations

import pytest

from surgery.precision.sensitivity import fewest, ranking


@pytest.mark.parametrize("enough", [1, 2, 3, 5, 17, 40])
def test_the_least_count_that_is_good_is_found_in_logarithmic_time(enough: int) -> None:
    asked: list[int] = []

    def good(count: int) -> bool:
        asked.append(count)
        return count >= enough

    assert fewest(40, good) == enough
    assert len(asked) <= 2 * enough.bit_length() + 1
    assert max(asked) <= 40


def test_there_is_no_count_where_leaving_out_all_is_not_good_enough() -> None:
    assert fewest(5, lambda count: False) is None


def test_the_layer_that_makes_the_most_noise_is_first() -> None:
    noise = {"stem": 0.1, "neck": 0.3, "head": 0.2}
    assert list(ranking(list(noise), noise.__getitem__, 60)) == ["neck", "head", "stem"]


def test_when_time_is_up_the_layers_nearest_the_outputs_have_been_measured() -> None:
    seen: list[str] = []

    def noise(layer: str) -> float:
        seen.append(layer)
        return 1.0

    assert ranking(["stem", "neck", "head"], noise, -1.0) == {}
    ranking(["stem", "neck", "head"], noise, 60)
    assert seen == ["head", "neck", "stem"]
