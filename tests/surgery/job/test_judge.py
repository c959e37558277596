"""The verdict rests on pictures that no fit has seen, and on what the target runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from surgery.config.run import Config
from surgery.job.compare import verdict
from surgery.job.judge import Judgement, for_target, require_grade
from surgery.job.strategy import Strategy
from surgery.measure.retention import Retention
from surgery.network.pictures import calibration_tensors, divided, judging_samples
from surgery.targets.audit import audit
from surgery.targets.registry import load_target

from ..passes.graphs import graph, node

CHOSEN = Strategy("calibrated", {"*": "dcn.calibrated"}, 18, "asked for")
FOUND = {"matched": 16, "reference": 16, "other": 16, "mean": 0.1}
SURE = {"reference": 16, "kept": 16, "other": 16, "confirmed": 16}
ROW = {"name": "calibrated", "instances": FOUND, "sure": SURE}


def judged(kept: float | None, instances: int = 360, seen: bool = False) -> Judgement:
    return Judgement(Retention(kept, 0.0, 1.0, instances, 16, "masks"), ("a",), seen)


@pytest.mark.parametrize(
    ("judgement", "grade"),
    [
        (judged(0.70), "no"),  # 16 of 16 matched, and 71 % of the AP
        (judged(0.86), "look"),
        (judged(0.99), "ship"),
        (judged(0.99, instances=5), "look"),
        (judged(0.99, seen=True), "look"),
        (judged(None), "no"),
    ],
)
def test_the_grade_is_the_worse_of_matching_and_estimate(judgement: Judgement, grade: str) -> None:
    said = verdict([ROW], CHOSEN, (), judgement)
    assert said["grade"] == grade
    assert said["good"] is (grade != "no")
    assert judgement.words() in said["text"]


def test_a_graph_that_the_target_refuses_is_not_shipped_there() -> None:
    weights = {"w": np.ones((4, 3, 3, 3), np.float32)}
    made = node("DeformConv", "x w o", kernel_shape=[3, 3])
    ports = {"x": (1, 3, 8, 8), "o": (1, 18, 6, 6)}
    model = graph([made], ports, weights=weights, opset=19)
    said = verdict([ROW], CHOSEN, (), judged(1.0))
    assert said["grade"] == "ship"
    assert for_target(said, audit(model, load_target("nnapi")))["grade"] == "no"
    assert for_target(said, audit(model, load_target("onnxruntime")))["grade"] == "ship"


def test_a_lesser_verdict_ends_with_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    require_grade(None, {"grade": "no"})
    require_grade("look", {"grade": "ship"})
    with pytest.raises(SystemExit) as ended:
        require_grade("ship", {"grade": "look"})
    assert ended.value.code == 2
    assert "surgery.require=ship" in capsys.readouterr().err


def photos(folder: Path, count: int) -> Path:
    folder.mkdir()
    for number in range(count):
        cv2.imwrite(str(folder / f"{number:02d}.png"), np.full((32, 32, 3), number, np.uint8))
    return folder


def test_pictures_that_judge_are_kept_from_calibration(
    tmp_path: Path, compose: Callable[..., Config]
) -> None:
    folder = photos(tmp_path / "photos", 20)
    fitting, judging = divided(folder)
    assert len(judging) == 4
    assert not set(fitting) & set(judging)
    config = compose("model=e2ec", f"surgery.calibration.images={folder}")
    samples, seen = judging_samples(config, [])
    assert not seen
    assert {sample.source for sample in samples} == {path.name for path in judging}
    given = config.surgery.calibration.model_copy(update={"count": 100})
    assert len(list(calibration_tensors(given, config.input.preprocess))) == len(fitting)


def test_a_small_folder_is_not_divided_and_the_verdict_knows_it(
    tmp_path: Path, compose: Callable[..., Config]
) -> None:
    folder = photos(tmp_path / "photos", 4)
    given = f"surgery.calibration.images={folder}"
    assert judging_samples(compose("model=e2ec", given), []) == ([], True)
    other = photos(tmp_path / "others", 3)
    named = compose("model=e2ec", given, f"surgery.judge.images={other}")
    samples, seen = judging_samples(named, [])
    assert (len(samples), seen) == (3, False)
