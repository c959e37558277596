"""Keypoint figures: right points score one, moved ones what the definition says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from postprocess.errors import InputError
from surgery import scenes
from surgery.measure.keypoints import distances, evaluate_keypoints, pck
from surgery.measure.masks import coco_dataset, dataset_of, drawn_dataset
from surgery.scenes import draw
from surgery.scenes.pose import JOINTS

COUNT, SEED = 6, 11


class Person(NamedTuple):
    score: float
    keypoints: NDArray[np.float32] | None


class Persons(NamedTuple):
    instances: list[Person]


def truth(change: Callable[[NDArray[np.float32]], NDArray[Any]] = lambda k: k) -> Any:
    """A predictor that knows the figures of every scene, and changes their keypoints."""
    answers = {}
    for index in range(COUNT):
        scene = draw(SEED, index, domain="figures")
        people = [Person(0.9, change(f.keypoints)) for f in scene.instances]  # type: ignore[arg-type]
        answers[scene.image.tobytes()] = Persons(people)

    def predict(image: NDArray[np.uint8], boxes: Any) -> Persons:
        found = answers[image.tobytes()]
        assert len(boxes) == len(found.instances)
        return found

    return predict


def test_right_keypoints_score_one() -> None:
    figures = evaluate_keypoints(truth(), drawn_dataset(COUNT, SEED, domain="figures"), JOINTS)
    for name in ("AP", "AP50", "AR", "PCK@0.1", "PCK@0.2"):
        assert figures[name] == pytest.approx(1.0), name


def test_figures_on_disk_are_measured_like_drawn_ones(tmp_path: Path) -> None:
    annotations = scenes.write(tmp_path / "out", COUNT, SEED, domain="figures")
    dataset = coco_dataset(annotations, annotations.parent / "images")
    figures = evaluate_keypoints(truth(), dataset, JOINTS)
    # the file holds hundredths of a pixel
    assert figures["AP"] == pytest.approx(1.0)
    assert figures["PCK@0.1"] == 1.0


def test_keypoints_moved_by_a_share_of_the_torso_fall_out_at_that_share() -> None:
    def moved(keypoints: NDArray[np.float32]) -> NDArray[Any]:
        torso = np.linalg.norm(keypoints[5, :2] - keypoints[12, :2])
        return keypoints + np.array([0.15 * torso, 0, 0])

    dataset = drawn_dataset(COUNT, SEED, domain="figures")
    figures = evaluate_keypoints(truth(moved), dataset, JOINTS)
    assert figures["PCK@0.1"] == 0.0
    assert figures["PCK@0.2"] == 1.0
    assert figures["AP"] < 0.9


def test_pck_counts_labelled_keypoints_of_labelled_torsos() -> None:
    known = np.array([[0, 0, 2], [0, 10, 1], [5, 5, 0], [3, 3, 2]], float)
    found = known[:, :2] + [[0, 0], [0, 1.5], [50, 50], [0, 3]]
    measured = distances(found, known, (0, 1))
    np.testing.assert_allclose(measured, [0, 0.15, np.nan, 0.3])
    assert pck(measured[None]) == {"PCK@0.1": 1 / 3, "PCK@0.2": 2 / 3}
    known[0, 2] = 0
    assert np.isnan(distances(found, known, (0, 1))).all()
    assert pck(np.full((2, 4), np.nan)) == {"PCK@0.1": -1.0, "PCK@0.2": -1.0}


@pytest.mark.parametrize(
    ("domain", "names", "words"),
    [
        ("shapes", JOINTS, "hold no person with keypoints"),
        ("figures", JOINTS[:5], "has 17 keypoints, the model 5"),
    ],
)
def test_annotations_that_do_not_fit_are_one_line(
    domain: str, names: tuple[str, ...], words: str
) -> None:
    with pytest.raises(InputError, match=words) as caught:
        evaluate_keypoints(truth(), drawn_dataset(COUNT, SEED, domain=domain), names)
    assert "\n" not in str(caught.value)


def test_a_person_that_the_decoder_dropped_is_one_line() -> None:
    dataset = drawn_dataset(COUNT, SEED, domain="figures")
    with pytest.raises(InputError, match="one instance a box, got 0 for"):
        evaluate_keypoints(lambda image, boxes: Persons([]), dataset, JOINTS)


def test_a_keypoint_network_is_measured_on_figures_unless_told_otherwise() -> None:
    data = {"name": "scenes", "count": 2, "size": 128, "seed": 1, "domain": None}
    assert dataset_of(data, "figures").coco.loadCats(1)[0]["name"] == "person"
    data["domain"] = "cells"
    assert dataset_of(data, "figures").coco.loadCats(1)[0]["name"] != "person"
