"""Persons at run time: one crop a box through the backbone, keypoints back in image pixels."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

import postprocess
from postprocess.__main__ import main
from postprocess.decoders import merge_flipped
from postprocess.errors import InputError

from ..bundles import onnx_model, write_bundle

NAMES = ["nose", "left_eye", "right_eye"]
SPOTS = {"nose": (30, 70), "left_eye": (45, 30), "right_eye": (15, 30)}  # in a person of 60 x 100
BOXES = [[20, 40, 80, 140], [150, 20, 210, 120], [90, 90, 150, 190]]
Write = Callable[..., Path]


@pytest.fixture
def person_bundle(tmp_path: Path) -> Write:
    """Writes a bundle whose backbone marks green as nose, red as left and blue as right eye."""
    onnx = pytest.importorskip("onnx", reason="the miniature backbone is written with onnx")
    helper = onnx.helper

    def write(batch: int | str = "batch", name: str = "persons", **preprocess: Any) -> Path:
        kinds = np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0]], np.float32).reshape(3, 3, 1, 1)
        colours = (kinds - 0.5 * (1 - kinds)).astype(np.float32)
        nodes = [
            helper.make_node("AveragePool", ["image"], ["s"], kernel_shape=[4, 4], strides=[4, 4]),
            helper.make_node("Conv", ["s", "colours"], ["c"]),
            helper.make_node("Relu", ["c"], ["heatmap"]),
        ]
        folder = tmp_path / name
        write_bundle(
            folder,
            {
                "backbone": onnx_model(
                    nodes,
                    {"image": [batch, 3, 128, 96]},
                    {"heatmap": [batch, 3, 32, 24]},
                    {"colours": colours},
                )
            },
            {"name": "keypoints", "method": "argmax", "backend": "numpy"},
            {"size": [128, 96], "resize": "affine", "growth": 1.25, **preprocess},
            ["person"],
            keypoints=NAMES,
            skeleton=[[0, 1], [0, 2]],
        )
        return folder

    return write


@pytest.fixture
def crowd() -> NDArray[np.uint8]:
    """(200, 240, 3) BGR: three persons of coloured spots, one in each of BOXES."""
    image = np.zeros((200, 240, 3), np.uint8)
    colours = {"nose": (0, 255, 0), "left_eye": (0, 0, 255), "right_eye": (255, 0, 0)}
    for left, top, _, _ in BOXES:
        for name, (x, y) in SPOTS.items():
            cv2.circle(image, (left + x, top + y), 6, colours[name], -1)
    return image


@pytest.mark.parametrize("batch", ["batch", 1, 2])
@pytest.mark.parametrize("resize", ["affine", "affine_udp", "crop"])
def test_every_box_gives_one_person_where_it_is(
    person_bundle: Write, crowd: NDArray[np.uint8], batch: int | str, resize: str
) -> None:
    runtime = postprocess.load(person_bundle(batch, resize=resize))
    result = runtime(crowd, boxes=BOXES)
    assert [found.box.tolist() for found in result.instances] == BOXES
    for found, (left, top, _, _) in zip(result.instances, BOXES, strict=True):
        assert found.label == "person"
        assert found.keypoints is not None
        expected = np.array([SPOTS[name] for name in NAMES]) + np.array([left, top])
        # argmax: within a heatmap pixel, 5 image pixels here
        assert np.abs(found.keypoints[:, :2] - expected).max() < 5
        assert found.keypoints[:, 2].min() > 0.9


def test_crops_of_a_batch_do_not_see_each_other(
    person_bundle: Write, crowd: NDArray[np.uint8]
) -> None:
    runtime = postprocess.load(person_bundle())
    together = runtime(crowd, boxes=BOXES).instances
    for found, box in zip(together, BOXES, strict=True):
        (alone,) = runtime(crowd, boxes=[box]).instances
        np.testing.assert_array_equal(found.keypoints, alone.keypoints)


def test_without_boxes_the_whole_image_is_one_person(person_bundle: Write) -> None:
    image = np.zeros((100, 60, 3), np.uint8)
    cv2.circle(image, SPOTS["nose"], 5, (0, 255, 0), -1)
    (found,) = postprocess.load(person_bundle())(image).instances
    assert found.keypoints is not None
    assert np.abs(found.keypoints[0, :2] - SPOTS["nose"]).max() < 4


def test_no_boxes_give_no_persons(person_bundle: Write, crowd: NDArray[np.uint8]) -> None:
    assert postprocess.load(person_bundle())(crowd, boxes=[]).instances == ()


def test_boxes_are_refused_by_a_network_that_finds_objects_itself(
    tiny_bundle: Path, crowd: NDArray[np.uint8]
) -> None:
    with pytest.raises(InputError, match="finds objects by itself"):
        postprocess.load(tiny_bundle)(crowd, boxes=BOXES)


def test_a_flip_test_averages_what_both_images_give(
    person_bundle: Write, crowd: NDArray[np.uint8]
) -> None:
    folder = person_bundle(2)
    plain, flipped = postprocess.load(folder), postprocess.load(folder, flip_test=True)
    tensor, _ = plain.preprocess(crowd, np.array(BOXES[0], float))
    maps, mirrored = (plain.heads(each)["heatmap"] for each in (tensor, tensor[..., ::-1]))
    np.testing.assert_array_equal(
        flipped.heads(tensor)["heatmap"], merge_flipped(maps, mirrored, [0, 2, 1])
    )


def test_a_decoder_without_a_flip_test_is_refused(tiny_bundle: Path) -> None:
    with pytest.raises(InputError, match="decoder 'e2ec' has no flip test"):
        postprocess.load(tiny_bundle, flip_test=True)


def test_the_command_line_takes_boxes_from_a_file(
    person_bundle: Write,
    crowd: NDArray[np.uint8],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    cv2.imwrite(str(tmp_path / "crowd.png"), crowd)
    boxes = [{"image_id": "crowd", "bbox": [x, y, r - x, b - y]} for x, y, r, b in BOXES]
    (tmp_path / "boxes.json").write_text(json.dumps(boxes))
    call = [str(person_bundle()), str(tmp_path / "crowd.png"), "--threads", "1", "--json"]
    assert main([*call, "--boxes", str(tmp_path / "boxes.json"), "--flip-test"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert [item["box"] for item in record["instances"]] == BOXES
    assert all(len(item["keypoints"]) == 3 for item in record["instances"])
    (tmp_path / "boxes.json").write_text("[]")
    assert main([*call, "--boxes", str(tmp_path / "boxes.json")]) == 1
    assert "has no boxes for crowd.png" in capsys.readouterr().err


def test_the_command_line_takes_boxes_from_a_detector(
    person_bundle: Write, edited: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = np.zeros((100, 150, 3), np.uint8)
    cv2.circle(image, (40, 30), 14, (255, 0, 0), -1)
    cv2.circle(image, (110, 70), 14, (0, 0, 255), -1)
    cv2.imwrite(str(tmp_path / "blobs.png"), image)
    person = edited(lambda document: document.update(classes=["person", "red"]))
    call = [str(person_bundle()), str(tmp_path / "blobs.png"), "--threads", "1", "--json"]
    assert main([*call, "--detector", str(person)]) == 0
    (found,) = json.loads(capsys.readouterr().out)["instances"]  # the blue blob alone is a person
    x1, y1, x2, y2 = found["box"]
    assert x1 < 40 < x2
    assert y1 < 30 < y2
    assert found["keypoints"][2][2] > 0.5  # blue is the right eye
    edited(lambda document: document.update(classes=["blue", "red"]))
    assert main([*call, "--detector", str(person)]) == 1
    assert "finds blue, red and not person" in capsys.readouterr().err
