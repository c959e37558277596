"""``task=evaluate`` without a bundle and against another network: figures, intervals, refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from postprocess.errors import InputError
from surgery.config.run import Config
from surgery.tasks.evaluate import Subject, _other, run

Compose = Callable[..., Config]
SMALL = ("task=evaluate", "data.count=3", "json=true")


def test_the_untouched_network_is_evaluated_without_a_bundle_and_equals_itself(
    compose: Compose, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    run(compose(*SMALL, "surgery.dcn=keep", "against=keep", f"out={tmp_path}"))
    said = json.loads(capsys.readouterr().out)
    assert said == json.loads((tmp_path / "evaluation.json").read_text())
    low, high = said["interval"]
    assert low <= said["AP"] <= high
    of_classes = [value for value in said["classes"].values() if value is not None]
    assert said["AP"] == pytest.approx(sum(of_classes) / len(of_classes), abs=1e-9)
    other = said["against"]
    assert (other["difference"], other["interval"], other["worse"]) == (0.0, [0.0, 0.0], 0)


def test_figures_for_people_say_what_is_kept(
    compose: Compose, capsys: pytest.CaptureFixture[str]
) -> None:
    run(compose("task=evaluate", "data.count=3", "surgery.dcn=keep", "against=keep"))
    said = capsys.readouterr().out
    assert "with other pictures of the kind" in said
    assert "difference +0.0000 (+0.0000 to +0.0000), 100.0 % kept" in said
    assert "0 of 3 pictures got worse" in said


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ((), r"needs bundle=DIR.* or surgery\.dcn=keep"),
        (("surgery.dcn=keep", "against=nowhere"), r"nowhere"),
    ],
)
def test_what_cannot_be_evaluated_is_one_line(
    compose: Compose, settings: tuple[str, ...], told: str
) -> None:
    with pytest.raises(InputError, match=told) as caught:
        run(compose(*SMALL, *settings))
    assert "\n" not in str(caught.value)


def test_networks_that_find_different_things_are_not_compared(compose: Compose) -> None:
    config = compose(*SMALL, "surgery.dcn=keep", "against=keep")
    first = Subject("a bundle", None, ["person"], [], takes_boxes=False)
    with pytest.raises(InputError, match=r"other classes than .*model= names the untouched"):
        _other(config, "keep", first)
