"""Mask AP: known predictions give known figures, and bad data sets are refused in one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from postprocess.errors import InputError
from surgery import scenes
from surgery.measure.masks import coco_dataset, contour_mask, drawn_dataset, evaluate, evaluate_data
from surgery.scenes import DOMAINS, draw

COUNT, SEED = 8, 11
NAMES = DOMAINS["shapes"].classes


class Found(NamedTuple):
    label: str
    score: float
    contour: NDArray[np.float32] | None


class Finds(NamedTuple):
    instances: list[Found]


def pixel_outline(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The largest visible part's outline along pixel borders, as COCO's polygons run."""
    large = cv2.resize(mask.astype(np.uint8), None, fx=4, fy=4, interpolation=cv2.INTER_NEAREST)
    parts, _ = cv2.findContours(large, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(parts, key=cv2.contourArea)[:, 0].astype(np.float32)
    return (outline + 0.5) / 4


def truth(shift: float = 0.0) -> Callable[[NDArray[np.uint8]], Finds]:
    """A predictor that knows the scenes, and moves what it finds by `shift` pixels."""
    answers = {}
    for index in range(COUNT):
        scene = draw(SEED, index)
        answers[scene.image.tobytes()] = Finds(
            [Found(NAMES[i.label], 0.9, pixel_outline(i.mask) + shift) for i in scene.instances]
        )
    return lambda image: answers[image.tobytes()]


def test_perfect_predictions_score_one() -> None:
    figures = evaluate(truth(), drawn_dataset(COUNT, SEED), NAMES)
    assert figures["AP50"] == 1.0
    assert figures["AP"] > 0.99  # an object cut in two keeps its larger part only


def test_shifted_predictions_score_less_and_less() -> None:
    dataset = drawn_dataset(COUNT, SEED)
    scores = [evaluate(truth(shift), dataset)["AP"] for shift in (0.0, 2.0, 5.0, 40.0)]
    assert scores == sorted(scores, reverse=True)
    assert scores[1] < 0.85
    assert scores[3] < 0.01


def test_no_predictions_score_zero() -> None:
    figures = evaluate(lambda image: Finds([]), drawn_dataset(COUNT, SEED), NAMES)
    assert set(figures.values()) <= {0.0, -1.0}
    assert figures["AP"] == 0.0


def test_a_wrong_label_scores_nothing() -> None:
    right = truth()

    def predict(image: NDArray[np.uint8]) -> Finds:
        wrong = [NAMES[(NAMES.index(f.label) + 1) % len(NAMES)] for f in right(image).instances]
        pairs = zip(right(image).instances, wrong, strict=True)
        return Finds([found._replace(label=label) for found, label in pairs])

    assert evaluate(predict, drawn_dataset(COUNT, SEED))["AP"] < 0.05


def test_files_and_drawn_scenes_give_the_same_figures(tmp_path: Path) -> None:
    path = scenes.write(tmp_path / "scenes", count=COUNT, seed=SEED)
    node = {
        "name": "coco",
        "annotations": str(path),
        "images": str(path.parent / "images"),
        "limit": None,
    }
    drawn = {"name": "scenes", "count": COUNT, "seed": SEED, "size": 128, "domain": "shapes"}
    predict = truth(shift=2.0)
    assert evaluate_data(predict, node, NAMES) == evaluate_data(predict, drawn, NAMES)


def test_a_limit_counts_only_the_first_images(tmp_path: Path) -> None:
    path = scenes.write(tmp_path / "scenes", count=COUNT, seed=SEED)
    dataset = coco_dataset(path, path.parent / "images", limit=3)
    assert len(list(dataset.images())) == 3
    assert evaluate(truth(), dataset)["AP50"] == 1.0


def test_a_contour_covers_the_pixels_whose_centres_it_holds() -> None:
    square = np.array([[2, 3], [6, 3], [6, 8], [2, 8]], np.float32)
    from pycocotools import mask as rle

    mask = rle.decode(contour_mask(square, 10, 12))
    expected = np.zeros((10, 12), np.uint8)
    expected[3:8, 2:6] = 1
    np.testing.assert_array_equal(mask, expected)


def test_classes_without_a_category_are_refused() -> None:
    with pytest.raises(InputError, match="none of the model's classes"):
        evaluate(truth(), drawn_dataset(1, SEED), ["person", "car"])


def test_keypoint_results_are_refused() -> None:
    with pytest.raises(InputError, match="needs contours"):
        evaluate(lambda image: Finds([Found("star", 1.0, None)]), drawn_dataset(1, SEED))


@pytest.fixture
def written(tmp_path: Path) -> Path:
    return scenes.write(tmp_path / "scenes", count=2, seed=SEED)


def refusal(annotations: Path, images: Path) -> str:
    with pytest.raises(InputError) as caught:
        coco_dataset(annotations, images)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_missing_annotations_and_images_are_named(written: Path, tmp_path: Path) -> None:
    images = written.parent / "images"
    assert "no such annotation file" in refusal(tmp_path / "none.json", images)
    assert "no such folder" in refusal(written, tmp_path / "none")
    (images / "000001.png").unlink()
    assert "1 of 2 images" in refusal(written, images)
    assert "000001.png" in refusal(written, images)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("not json", "cannot be read as JSON"),
        ("[]", "list 'images'"),
        (json.dumps({"images": [], "annotations": []}), "list 'categories'"),
        (json.dumps({"images": [{"id": 1}], "annotations": [], "categories": []}), "'file_name'"),
    ],
)
def test_files_that_are_not_coco_are_refused(
    written: Path, tmp_path: Path, content: str, message: str
) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text(content)
    assert message in refusal(broken, written.parent / "images")


@pytest.mark.parametrize("key", ["annotations", "images"])
def test_an_empty_coco_node_says_which_key_to_give(key: str) -> None:
    node = {"name": "coco", "annotations": "a.json", "images": "a", "limit": None, key: None}
    with pytest.raises(InputError, match=rf"needs data\.{key}="):
        evaluate_data(lambda image: Finds([]), node)
