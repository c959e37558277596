"""What the report says in words about the strategies it compared."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from surgery.job.compare import verdict
from surgery.job.strategy import Strategy
from surgery.job.trial import agreement

CHOSEN = Strategy("distilled", {"*": "dcn.distilled"}, 18, "asked for")


def _row(name: str, kept: int, other: int, mean: float = 0.1) -> dict[str, Any]:
    """``kept`` of 100 sure instances are found, among ``other`` sure ones."""
    sure = {"reference": 100, "kept": kept, "other": other, "confirmed": min(kept, other)}
    found = {"matched": kept, "reference": 100, "other": other, "mean": mean}
    return {"name": name, "instances": found, "sure": sure}


@pytest.mark.parametrize(
    ("kept", "other", "mean", "good", "words"),
    [
        (100, 100, 0.1, True, "ship it"),
        (100, 100, 2.0, True, "look at your own pictures"),
        (97, 98, 0.1, True, "look at your own pictures"),
        (100, 160, 0.1, False, "do not ship it"),  # finds what is not there
        (60, 60, 0.1, False, "do not ship it"),
    ],
)
def test_the_advice_follows_what_was_found(
    kept: int, other: int, mean: float, good: bool, words: str
) -> None:
    said = verdict([_row("distilled", kept, other, mean)], CHOSEN)
    assert said["good"] is good
    assert words in said["text"]


def test_a_bad_strategy_points_at_a_better_one_or_says_that_there_is_none() -> None:
    scores = (("distilled", 50), ("plain", 0), ("native", 100))
    bad, plain, native = (_row(name, kept, kept) for name, kept in scores)
    assert "dcn=native keeps more" in verdict([bad, plain, native], CHOSEN)["text"]
    assert "none of the strategies" in verdict([bad, plain], CHOSEN)["text"]


def test_without_a_match_no_distance_is_told() -> None:
    text = verdict([_row("plain", 0, 400, mean=0.0)], CHOSEN)["text"]
    assert "finds 0 of the 100" in text
    assert "px apart" not in text


def test_pictures_that_the_network_is_not_sure_about_prove_nothing() -> None:
    row = _row("distilled", 0, 0)
    row["sure"]["reference"] = 0
    said = verdict([row], CHOSEN)
    assert not said["good"]
    assert "image=FILE" in said["text"]


def test_without_sure_instances_all_of_them_count() -> None:
    row = _row("distilled", 50, 50)
    row["sure"] = dict.fromkeys(row["sure"], 0)
    assert agreement(row) == pytest.approx(2 * 50 / 150)


def test_rewrites_beside_those_of_deformable_layers_are_named() -> None:
    row = _row("keep", 10, 10, 0.0)
    nothing = replace(CHOSEN, rewrites={})
    assert verdict([row], nothing)["text"].startswith("the network as it is finds 10 of the 100")
    text = verdict([row], nothing, ["relu6"])["text"]
    assert text.startswith("rewrite relu6 finds 10 of the 100")
