"""Boxes of persons: checked in one line, cropped as deployed, read from three kinds of file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from postprocess.boxes import BoxFile, checked_boxes, person_crop
from postprocess.errors import InputError

SIZE = (128, 96)


@pytest.mark.parametrize(
    ("boxes", "words"),
    [
        ([[0, 0, 10]], "got (1, 3)"),
        ([1, 2, 3, 4], "got (4,)"),
        ([["a", 0, 1, 1]], "expects numbers"),
        ([[0, 0, 5, 5], [10, 10, 5, 20]], "box 1 expects x1 < x2 and y1 < y2"),
        ([[0, 0, float("nan"), 5]], "box 0"),
        ([[400, 0, 500, 50]], "outside of the image, which is 300 x 200"),
    ],
)
def test_boxes_that_are_none_are_one_line(boxes: Any, words: str) -> None:
    with pytest.raises(InputError) as caught:
        checked_boxes(boxes, (200, 300))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_boxes_are_no_error() -> None:
    assert checked_boxes([], (200, 300)).shape == (0, 4)


def paddle_crop(
    box: tuple[int, ...], image_size: tuple[int, int], growth: float
) -> tuple[int, int, int, int]:
    """PaddleDetection's expand_crop in other words, for whole boxes."""
    height, width = image_size
    tall, broad = (box[3] - box[1]) * growth / 2, (box[2] - box[0]) * growth / 2
    broad = 0.75 * tall if tall > broad * 4 / 3 else broad
    y, x = (box[1] + box[3]) / 2, (box[0] + box[2]) / 2
    return (
        max(0, int(x - broad)), max(0, int(y - tall)),
        min(width - 1, int(x + broad)), min(height - 1, int(y + tall)),
    )  # fmt: skip


@pytest.mark.parametrize(
    "box", [(60, 60, 90, 140), (60, 60, 160, 90), (50, 40, 210, 190), (100, 90, 101, 91)]
)
def test_inside_the_image_the_crop_is_paddles(box: tuple[int, ...]) -> None:
    expected = paddle_crop(box, (240, 320), 1.3)
    assert person_crop(np.array(box), (240, 320), SIZE, 1.3) == expected


def test_the_crop_keeps_the_last_row_and_column_and_is_never_empty() -> None:
    whole = np.array([0, 0, 320, 240])
    assert person_crop(whole, (240, 320), SIZE, 1.0) == (0, 0, 320, 240)
    left, top, right, bottom = person_crop(
        np.array([319.2, 239.5, 319.9, 239.9]), (240, 320), SIZE, 1
    )
    assert (right - left) * (bottom - top) > 0


def written(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_coco_annotations_are_looked_up_by_file_name(tmp_path: Path) -> None:
    content = {
        "images": [{"id": 7, "file_name": "sub/a.jpg"}, {"id": 8, "file_name": "b.jpg"}],
        "annotations": [{"image_id": 7, "bbox": [10, 20, 30, 40]}],
    }
    boxes = BoxFile(written(tmp_path / "c.json", content))
    assert boxes.of("/photos/a.jpg") == [[10, 20, 40, 60]]
    assert boxes.of("b.jpg") == []  # known, and nobody in it


def test_coco_results_are_looked_up_by_id(tmp_path: Path) -> None:
    content = [
        {"image_id": 139, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.9},
        {"image_id": "kitchen", "category_id": 1, "bbox": [5, 5, 5, 5], "score": 0.8},
    ]
    boxes = BoxFile(written(tmp_path / "c.json", content))
    assert boxes.of("000000000139.jpg") == [[1, 2, 4, 6]]
    assert boxes.of("kitchen.png") == [[5, 5, 10, 10]]


def test_the_lines_that_json_prints_are_read(tmp_path: Path) -> None:
    lines = [
        {"image": "x/a.jpg", "instances": [{"label": "person", "box": [1.5, 2, 3, 4]}]},
        {"image": "x/b.jpg", "instances": []},
    ]
    boxes = BoxFile(written(tmp_path / "c.json", "\n".join(map(json.dumps, lines)) + "\n"))
    assert boxes.of("y/a.jpg") == [[1.5, 2, 3, 4]]
    assert boxes.of("b.jpg") == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not JSON"),
        ('{"boxes": []}', "it is none of these"),
        ('[{"image_id": 1}]', "it is none of these"),
        ('[{"image_id": 1, "bbox": [1, 2]}]', "it is none of these"),
        ("3", "it is none of these"),
        (None, "cannot be read"),
    ],
)
def test_other_files_are_one_line(tmp_path: Path, content: str | None, words: str) -> None:
    path = tmp_path / "c.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError) as caught:
        BoxFile(path)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_image_that_the_file_does_not_know_is_named(tmp_path: Path) -> None:
    boxes = BoxFile(written(tmp_path / "c.json", [{"image_id": 3, "bbox": [0, 0, 1, 1]}]))
    with pytest.raises(InputError, match=r"has no boxes for a\.jpg \(it knows 3\)"):
        boxes.of("a.jpg")
