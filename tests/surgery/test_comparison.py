"""What the report says in words about the strategies it compared."""

from __future__ import annotations

from typing import Any

import pytest

from surgery.comparison import verdict
from surgery.strategy import Strategy

CHOSEN = Strategy("distilled", {"*": "dcn.distilled"}, 18, "asked for")


def _row(name: str, matched: int, other: int, mean: float = 0.1) -> dict[str, Any]:
    return {
        "name": name,
        "instances": {"matched": matched, "reference": 100, "other": other, "mean": mean},
    }


@pytest.mark.parametrize(
    ("matched", "other", "mean", "good", "words"),
    [
        (100, 100, 0.1, True, "ship it"),
        (100, 100, 2.0, False, "look at the picture"),
        (97, 98, 0.1, False, "look at the picture"),
        (100, 140, 0.1, False, "do not ship it"),  # finds what is not there
        (60, 60, 0.1, False, "do not ship it"),
    ],
)
def test_the_advice_follows_what_was_found(
    matched: int, other: int, mean: float, good: bool, words: str
) -> None:
    said = verdict([_row("distilled", matched, other, mean)], CHOSEN)
    assert said["good"] is good
    assert words in said["text"]


def test_a_bad_strategy_points_at_a_better_one_or_says_that_there_is_none() -> None:
    bad, plain, native = (
        _row(n, m, m) for n, m in (("distilled", 50), ("plain", 0), ("native", 100))
    )
    assert "dcn=native keeps more" in verdict([bad, plain, native], CHOSEN)["text"]
    assert "none of the strategies" in verdict([bad, plain], CHOSEN)["text"]


def test_pictures_without_instances_prove_nothing() -> None:
    nothing = {
        "name": "distilled",
        "instances": {"matched": 0, "reference": 0, "other": 0, "mean": 0},
    }
    said = verdict([nothing], CHOSEN)
    assert not said["good"]
    assert "image=FILE" in said["text"]
