"""COCO annotations in every form that people write: one AP, or one line."""

from __future__ import annotations

import copy
import json
import logging
import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pycocotools import mask as rle

from postprocess.errors import InputError
from surgery.measure.coco import FARTHEST, image_paths, read_annotations
from surgery.measure.masks import _index, coco_dataset, score

Data = dict[str, Any]
SIDE = 48


def scene(seed: int = 0, images: int = 3) -> Data:
    """Triangles of two classes, ids from 1 on."""
    rng = np.random.default_rng(seed)
    data: Data = {"images": [], "annotations": [], "categories": []}
    data["categories"] = [{"id": n, "name": name} for n, name in ((3, "cat"), (7, "dog"))]
    for number in range(1, images + 1):
        name = f"{number:03d}.png"
        data["images"].append({"id": number, "file_name": name, "height": SIDE, "width": SIDE})
        for _ in range(3):
            corner, size = rng.uniform(2, 20, 2), rng.uniform(8, 20)
            x, y = corner.tolist()
            polygon = [x, y, x + size, y, x, y + size]
            encoded = rle.frPyObjects([polygon], SIDE, SIDE)[0]
            data["annotations"].append(
                {
                    "id": len(data["annotations"]) + 1,
                    "image_id": number,
                    "category_id": int(rng.choice([3, 7])),
                    "segmentation": [polygon],
                    "area": float(rle.area(encoded)),
                    "bbox": rle.toBbox(encoded).tolist(),
                    "iscrowd": 0,
                }
            )
    return data


def detections(data: Data, seed: int = 1) -> list[Data]:
    """Every annotation of clean data, moved a little, with a score."""
    rng = np.random.default_rng(seed)
    found = []
    for each in data["annotations"]:
        moved = (np.array(each["segmentation"][0]) + rng.normal(0, 1)).tolist()
        encoded = rle.frPyObjects([moved], SIDE, SIDE)[0]
        entry = {"image_id": each["image_id"], "category_id": each["category_id"]}
        found.append({**entry, "segmentation": encoded, "score": float(rng.uniform())})
    return found


def read(data: Data, folder: Path) -> Data:
    path = folder / "annotations.json"
    path.write_text(json.dumps(data))
    return read_annotations(path)


def average(data: Data, folder: Path) -> dict[str, float]:
    clean = read(data, folder)
    return score(_index(clean), detections(clean))


def without(key: str) -> Callable[[Data], None]:
    def change(data: Data) -> None:
        for each in data["annotations"]:
            each.pop(key, None)

    return change


def each_id(turn: Callable[[int], Any]) -> Callable[[Data], None]:
    def change(data: Data) -> None:
        for image in data["images"]:
            image["id"] = turn(image["id"])
        for each in data["annotations"]:
            each["image_id"] = turn(each["image_id"])

    return change


def numbered(turn: Callable[[int], Any]) -> Callable[[Data], None]:
    def change(data: Data) -> None:
        for each in data["annotations"]:
            each["id"] = turn(int(each.get("id", 1)))

    return change


def more(data: Data) -> None:
    """An annotation of no listed image, one of no category, and two without a mask."""
    first = copy.deepcopy(data["annotations"][0])
    data["annotations"] += [
        {**first, "image_id": 99},
        {**first, "category_id": 99},
        {**first, "segmentation": []},
        {**first, "segmentation": [[1.0, 2.0, 3.0, 4.0]]},
    ]


def flat(data: Data) -> None:
    for each in data["annotations"]:
        each["segmentation"] = each["segmentation"][0]


def as_strings(data: Data) -> None:
    for each in data["annotations"]:
        each |= {key: str(each[key]) for key in ("area", "category_id") if key in each}
        parts = each["segmentation"]
        nested = isinstance(parts[0], list)
        each["segmentation"] = [[str(v) for v in p] if nested else str(p) for p in parts]


FORMS = {
    "no iscrowd": without("iscrowd"),
    "no area": without("area"),
    "no bbox": without("bbox"),
    "no ids of annotations": without("id"),
    "ids of images as numbers in strings": each_id(str),
    "ids of images as floats": each_id(float),
    "ids of images as names": each_id(lambda n: f"image_{int(n):04d}"),
    "ids of annotations from 0": numbered(lambda n: n - 1),
    "one id for all annotations": numbered(lambda n: 5),
    "annotations of nothing": more,
    "polygons that are in no list": flat,
    "numbers in strings": as_strings,
}


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers(0, 10**6), st.sets(st.sampled_from(sorted(FORMS)), max_size=4))
def test_every_form_of_a_set_has_the_same_ap(tmp_path: Path, seed: int, forms: set[str]) -> None:
    expected = average(scene(seed), tmp_path)
    data = scene(seed)
    of_images = sorted(form for form in forms if form.startswith("ids of images"))
    for form in FORMS:  # "annotations of nothing" would stop the others
        if form in forms and form not in of_images[1:] and form != "annotations of nothing":
            FORMS[form](data)
    if "annotations of nothing" in forms:
        more(data)
    assert average(data, tmp_path) == expected


@pytest.mark.parametrize("form", FORMS)
def test_each_form_by_itself_is_said_once_where_something_was_repaired(
    form: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = scene()
    FORMS[form](data)
    with caplog.at_level(logging.WARNING, "surgery"):
        assert average(data, tmp_path) == average(scene(), tmp_path)
    assert len({record.getMessage() for record in caplog.records}) == len(caplog.records)


def test_run_lengths_of_both_kinds_are_the_polygons_mask(tmp_path: Path) -> None:
    expected = average(scene(), tmp_path)
    for compressed in (True, False):
        data = scene()
        for each in data["annotations"]:
            mask = rle.decode(rle.frPyObjects(each["segmentation"], SIDE, SIDE))[:, :, 0]
            found = rle.encode(np.asfortranarray(mask))
            counts: Any = found["counts"].decode()
            if not compressed:
                flat_mask = mask.flatten(order="F")
                edges = np.flatnonzero(np.diff(np.concatenate([[0], flat_mask])))
                counts = np.diff(np.concatenate([[0], edges, [flat_mask.size]])).tolist()
            each["segmentation"] = {"size": [SIDE, SIDE], "counts": counts}
        clean = read(data, tmp_path)
        truth = read(scene(), tmp_path)
        assert score(_index(clean), detections(truth)) == expected


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("images", 0, "width"), 2**63, "expects a width of 1 to"),
        (("images", 0, "width"), "wide", "expects a number width"),
        (("images", 0, "id"), [1], "has the id [1]"),
        (("images", 0, "file_name"), 5, "expects a file_name"),
        (("images", 1, "id"), 1, "has the id 1 of another one"),
        (("annotations", 2, "segmentation"), [[[1, 2, 3]]], "expects a number segmentation"),
        (("annotations", 2, "segmentation"), [[0, 0, 9, 0, 1e30, 9]], "beyond"),
        (("annotations", 2, "segmentation"), [[0, 0, 9, 0, 9, 9, 1]], "an odd count of numbers"),
        (("annotations", 2, "segmentation"), {"size": [9, 9], "counts": [81]}, "run lengths of"),
        (("annotations", 2, "segmentation"), {"size": [SIDE] * 2, "counts": "zz"}, "add up to"),
        (("annotations", 2, "segmentation"), {"size": [SIDE] * 2, "counts": [-1]}, "add up to"),
        (("annotations", 2, "area"), -3, "has an area of -3"),
        (("annotations", 2, "iscrowd"), 7, "expects an iscrowd of 0 or 1"),
        (("annotations", 2, "image_id"), None, "expects an image_id"),
        (("annotations", 2), 4, "is no object"),
        (("categories", 0, "name"), None, "lacks 'name'"),
    ],
)
def test_what_leaves_open_what_was_meant_is_one_line(
    path: tuple[Any, ...], value: object, said: str, tmp_path: Path
) -> None:
    data = scene()
    node: Any = data
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    with pytest.raises(InputError) as error:
        read(data, tmp_path)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ['{"images": NaN}', "[" * 100_000, '{"a": 1' + "0" * 5000 + "}"])
def test_json_that_is_none_is_one_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(InputError, match="cannot be read as JSON annotations"):
        read_annotations(tmp_path / "a.json")


def _places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield at
    items = list(value.items()) if isinstance(value, dict) else []
    items += list(enumerate(value)) if isinstance(value, list) else []
    for key, each in items:
        yield from _places(each, (*at, key))


ODD = (
    *(None, True, -1, 0, 2**63, 10**400, 1e308, -1e30, 0.5, "", "7", "x", "\0", "../../etc/passwd"),
    *([], {}, [[]], [[[]]], {"size": [1, 1], "counts": "0"}, {"counts": []}),
)


def test_a_thousand_mutated_files_end_in_figures_or_in_one_line(tmp_path: Path) -> None:
    generator = random.Random(0)
    base, outcomes = scene(images=2), Counter(read=0, refused=0)
    for _ in range(1000):
        data = copy.deepcopy(base)
        for _ in range(generator.randint(1, 3)):
            at = generator.choice([place for place in _places(data) if place])
            node: Any = data
            for key in at[:-1]:
                node = node[key]
            if generator.random() < 0.3:
                del node[at[-1]]
            else:
                node[at[-1]] = copy.deepcopy(generator.choice(ODD))
        try:
            clean = read(data, tmp_path)
            score(_index(clean), [])
            outcomes["read"] += 1
        except InputError as error:
            lines = str(error).splitlines()
            outcomes["refused" if len(lines) == 1 else "several lines"] += 1
    assert min(outcomes["read"], outcomes["refused"]) > 100
    assert outcomes["several lines"] == 0


def test_names_with_folders_and_backslashes_are_found(tmp_path: Path) -> None:
    (tmp_path / "val").mkdir()
    for name in ("val/a.png", "b.png"):
        cv2.imwrite(str(tmp_path / name), np.zeros((4, 4, 3), np.uint8))
    found = image_paths(tmp_path, ["val/a.png", "val\\a.png", "C:\\data\\b.png", "/abs/a.png"])
    assert [path.name for path in found] == ["a.png", "a.png", "b.png", "a.png"]
    with pytest.raises(InputError, match="1 of 1 images that the annotations name are not there"):
        image_paths(tmp_path, ["c.png"])


def test_a_last_part_that_two_files_have_stands_for_neither(tmp_path: Path) -> None:
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        cv2.imwrite(str(tmp_path / folder / "a.png"), np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(InputError, match="are not there"):
        image_paths(tmp_path, ["z/a.png"])


def test_a_name_leads_nowhere_above_the_folder(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((4, 4, 3), np.uint8))
    (tmp_path / "images").mkdir()
    with pytest.raises(InputError, match="are not there"):
        image_paths(tmp_path / "images", ["../a.png"])


def test_the_data_set_reads_each_image_under_its_new_id(tmp_path: Path) -> None:
    data = scene()
    FORMS["ids of images as names"](data)
    for number, image in enumerate(data["images"]):
        cv2.imwrite(str(tmp_path / image["file_name"]), np.full((SIDE, SIDE, 3), number, np.uint8))
    (tmp_path / "annotations.json").write_text(json.dumps(data))
    dataset = coco_dataset(tmp_path / "annotations.json", tmp_path)
    assert [(key, int(image[0, 0, 0])) for key, image in dataset.images()] == [
        (1, 0),
        (2, 1),
        (3, 2),
    ]
    assert FARTHEST > SIDE
