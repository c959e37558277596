"""Drawn scenes: the same everywhere, disjoint by seed, and annotated by what is visible."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import cv2
import numpy as np
import pytest
from pycocotools import mask as rle
from pycocotools.coco import COCO

from postprocess.errors import InputError
from surgery import scenes
from surgery.scenes import DOMAINS, EVALUATION_SEED, FITTING_SEED, TRAINING_SEED, draw


def fingerprint(key: tuple[int, int, str]) -> bytes:
    seed, index, domain = key
    return draw(seed, index, 128, domain).image.tobytes()


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_scene_depends_on_seed_and_index_alone(domain: str) -> None:
    keys = [(7, index, domain) for index in range(5)]
    forwards = [fingerprint(key) for key in keys]
    backwards = [fingerprint(key) for key in reversed(keys)][::-1]
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        elsewhere = pool.map(fingerprint, keys)
    assert forwards == backwards == elsewhere
    assert len(set(forwards)) == len(keys)


def test_documented_seeds_share_no_scene() -> None:
    seeds = (EVALUATION_SEED, FITTING_SEED, TRAINING_SEED, TRAINING_SEED + 1)
    drawn = {fingerprint((seed, index, "shapes")) for seed in seeds for index in range(10)}
    assert len(drawn) == 10 * len(seeds)
    assert max(EVALUATION_SEED, FITTING_SEED) < TRAINING_SEED


@pytest.mark.parametrize("domain", ["shapes", "cells"])
def test_visible_masks_are_disjoint_and_mostly_seen(domain: str) -> None:
    for index in range(20):
        instances = draw(3, index, 128, domain).instances
        assert instances
        assert sum(i.mask.astype(int) for i in instances).max() == 1
        for instance in instances:
            whole = abs(cv2.contourArea(instance.outline))
            assert instance.mask.sum() >= 0.58 * whole  # 0.6, less the pixels a border shares


def test_every_class_is_drawn() -> None:
    for name, domain in DOMAINS.items():
        labels = {i.label for index in range(40) for i in draw(1, index, 128, name).instances}
        assert labels == set(range(len(domain.classes)))


def test_the_demo_network_knows_the_drawn_classes_by_name() -> None:
    classes = pytest.importorskip("models.classes")
    assert tuple(classes.SCENES) == DOMAINS["shapes"].classes


def test_a_larger_scene_holds_more_objects_of_the_same_size() -> None:
    small = [len(draw(2, index, 128).instances) for index in range(20)]
    large = [len(draw(2, index, 256).instances) for index in range(20)]
    assert 3 < np.mean(large) / np.mean(small) < 5


@pytest.mark.parametrize("domain", DOMAINS)
def test_written_annotations_decode_to_the_drawn_masks(tmp_path: Path, domain: str) -> None:
    path = scenes.write(tmp_path / "out", count=4, seed=9, size=96, domain=domain)
    coco = COCO(str(path))
    for image_id, entry in coco.imgs.items():
        scene = draw(9, image_id - 1, 96, domain)
        image = cv2.imread(str(path.parent / "images" / entry["file_name"]))
        np.testing.assert_array_equal(image, scene.image)
        annotations = coco.loadAnns(coco.getAnnIds(image_id))
        assert len(annotations) == len(scene.instances)
        for annotation, instance in zip(annotations, scene.instances, strict=True):
            np.testing.assert_array_equal(coco.annToMask(annotation), instance.mask)
            name = coco.cats[annotation["category_id"]]["name"]
            assert name == DOMAINS[domain].classes[instance.label]
            assert annotation["area"] == instance.mask.sum()
            np.testing.assert_array_equal(
                annotation["bbox"], cv2.boundingRect(instance.mask.astype(np.uint8))
            )
            assert rle.area(coco.annToRLE(annotation)) == annotation["area"]
    assert json.loads(path.read_text())["info"]["seed"] == 9


def test_writing_refuses_a_folder_with_something_in_it(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(InputError, match="not an empty folder") as caught:
        scenes.write(tmp_path, count=1)
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_failed_write_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cv2, "imwrite", lambda *_: False)
    with pytest.raises(InputError, match="cannot be written"):
        scenes.write(tmp_path / "out", count=1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": -1, "index": 0}, "0 or more"),
        ({"seed": 0, "index": 0, "size": 32}, "at least 64"),
        ({"seed": 0, "index": 0, "domain": "shape"}, "choose one of shapes, cells"),
    ],
)
def test_bad_arguments_are_named_in_one_line(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        draw(**arguments)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
