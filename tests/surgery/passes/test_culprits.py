"""The parts at fault are found by halving, however many, and no others are."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from surgery.passes.step import MOST, culprits

PARTS = [f"p{number}" for number in range(20)]


@pytest.mark.parametrize("guilty", [{"p0"}, {"p19"}, {"p7"}, {"p3", "p4"}, {"p0", "p11", "p19"}])
def test_exactly_the_guilty_parts_are_found(guilty: set[str]) -> None:
    found = culprits(PARTS, lambda skip: guilty <= set(skip))
    assert found is not None
    assert set(found) == guilty


def test_one_culprit_takes_a_logarithm_of_trials() -> None:
    trials = []

    def works(skip: Collection[str]) -> bool:
        trials.append(skip)
        return "p13" in skip

    assert culprits(PARTS, works) == ("p13",)
    assert len(trials) <= 7  # all out, five halvings of twenty, and the proof


def test_whole_that_fails_without_any_part_has_no_culprit() -> None:
    assert culprits(PARTS, lambda skip: False) is None
    assert culprits([], lambda skip: True) is None


def test_search_gives_up_where_too_many_are_guilty() -> None:
    guilty = set(PARTS[: MOST + 1])
    assert culprits(PARTS, lambda skip: guilty <= set(skip)) is None
