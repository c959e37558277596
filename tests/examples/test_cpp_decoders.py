"""surgery-run's decoders, boxes, detector and videos against `python -m postprocess`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from . import tiny_bundles as tiny
from .conftest import Json, assert_same, in_python, run

DECODERS: dict[str, dict[str, Any]] = {
    "ctdet": {"name": "ctdet", "size": "size", "offset": "offset", "box": "ltrb", "k": 20},
    "ctdet_nhwc": {
        "name": "ctdet",
        "size": "size",
        "box": "ltrb",
        "size_unit": "input",
        "size_scale": 3.0,
        "center_shift": None,
        "iou": 0.5,
        "k": 20,
        "layout": "nhwc",
    },
    "multi_pose": {
        "name": "multi_pose",
        "offset": "reg",
        "joint_heatmap": "hm_hp",
        "joint_offset": "hp_offset",
        "k": 10,
    },
    "multi_pose_regressed": {"name": "multi_pose", "k": 10, "joint_heatmap": None},
    "movenet": {"name": "movenet", "constants": "float16", "layout": "nhwc"},
    "simcc": {"name": "simcc"},
    "snake_rcnn": {"name": "snake_rcnn", "evolutions": 1, "points": tiny.POINTS, "k": 12},
}
HEADS = {"ctdet": tiny.CTDET, "multi_pose": tiny.MULTI_POSE, "movenet": tiny.MOVENET}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Smooth colours in two sizes."""
    folder = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(3)
    paths = []
    for number, size in enumerate(((96, 150), (200, 130))):
        coarse = random.integers(0, 256, (7, 9, 3)).astype(np.uint8)
        paths.append(folder / f"photo_{number}.png")
        cv2.imwrite(str(paths[-1]), cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_CUBIC))
    return paths


def bundle_of(folder: Path, case: str) -> Path:
    decoder = DECODERS[case]
    if decoder["name"] == "simcc":
        return tiny.write(folder, {"backbone": tiny.distributions()}, decoder)
    if decoder["name"] == "snake_rcnn":
        graphs = {"backbone": tiny.convolutions(tiny.SNAKE_RCNN), "refine": tiny.snake_refine()}
        return tiny.write(folder, graphs, decoder, ("car", "person", "rider", "bus"))
    channels = HEADS[decoder["name"]]
    backbone = tiny.convolutions(channels, last=decoder.get("layout") == "nhwc")
    return tiny.write(folder, {"backbone": backbone}, decoder, ("car", "bus", "person"))


def found(surgery_run: Path, *arguments: str | Path) -> list[Json]:
    done = run(surgery_run, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("case", DECODERS)
def test_json_of_each_decoder_is_that_of_python(
    surgery_run: Path, photos: list[Path], tmp_path: Path, case: str
) -> None:
    folder = bundle_of(tmp_path / "bundle", case)
    expected = in_python(folder, *photos)
    assert all(each["instances"] for each in expected)
    assert_same(found(surgery_run, folder, *photos), expected, pixels=0.01, score=1e-5)


@pytest.fixture
def top_down(tmp_path: Path) -> Path:
    backbone = tiny.convolutions({"heatmap": (tiny.JOINTS, 4.0, 0.5)})
    decoder = {"name": "keypoints"}
    return tiny.write(tmp_path / "pose", {"backbone": backbone}, decoder, resize="affine")


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
def test_flip_test_is_that_of_python(
    surgery_run: Path, photos: list[Path], tmp_path: Path, layout: str
) -> None:
    backbone = tiny.convolutions({"heatmap": (tiny.JOINTS, 4.0, 0.5)}, last=layout == "nhwc")
    decoder = {"name": "keypoints", "layout": layout}
    folder = tiny.write(tmp_path / "pose", {"backbone": backbone}, decoder, resize="affine_udp")
    expected = in_python(folder, *photos, "--flip-test")
    assert expected != in_python(folder, *photos)
    ours = found(surgery_run, folder, *photos, "--flip-test")
    assert_same(ours, expected, pixels=0.01, score=1e-5)


def test_a_decoder_without_a_flip_test_says_so(
    surgery_run: Path, photos: list[Path], tmp_path: Path
) -> None:
    done = run(surgery_run, bundle_of(tmp_path / "bundle", "simcc"), photos[0], "--flip-test")
    assert done.returncode == 1
    assert done.stderr == "error: the bundle's decoder 'simcc' has no flip test\n"


BOXES = [[10.0, 5.0, 60.0, 90.0], [40.5, 20.25, 120.0, 80.0], [0.0, 0.0, 12.0, 8.0]]


def box_file(path: Path, photos: list[Path], kind: str) -> Path:
    corners = [[x1, y1, x2 - x1, y2 - y1] for x1, y1, x2, y2 in BOXES]
    if kind == "annotations":
        images = [{"id": i, "file_name": f"a/{each.name}"} for i, each in enumerate(photos)]
        rows = [{"image_id": i, "bbox": box} for i in range(len(photos)) for box in corners]
        path.write_text(json.dumps({"images": images, "annotations": rows}))
    elif kind == "results":
        rows = [{"image_id": i, "bbox": box} for i in range(len(photos)) for box in corners]
        path.write_text(json.dumps(rows))
    else:
        instances = [{"box": box} for box in BOXES]
        lines = [{"image": str(each), "instances": instances} for each in photos]
        path.write_text("\n".join(json.dumps(line) for line in lines))
    return path


@pytest.mark.parametrize("kind", ["annotations", "results", "lines"])
def test_persons_in_a_box_file_are_those_of_python(
    surgery_run: Path, top_down: Path, photos: list[Path], tmp_path: Path, kind: str
) -> None:
    file = box_file(tmp_path / "boxes.json", photos, kind)
    expected = in_python(top_down, *photos, "--boxes", file)
    assert [len(each["instances"]) for each in expected] == [3, 3]
    ours = found(surgery_run, top_down, *photos, "--boxes", file)
    assert_same(ours, expected, pixels=0.01, score=1e-5)


def test_persons_of_a_detector_are_those_of_python(
    surgery_run: Path, top_down: Path, photos: list[Path], tmp_path: Path
) -> None:
    detector = bundle_of(tmp_path / "detector", "ctdet")
    expected = in_python(top_down, *photos, "--detector", detector)
    assert sum(len(each["instances"]) for each in expected) > 1
    ours = found(surgery_run, top_down, *photos, "--detector", detector)
    assert_same(ours, expected, pixels=0.01, score=1e-5)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "boxes.json: cannot be read"),
        ("{", "boxes.json: not JSON"),
        ('{"a": 1}', "boxes.json: expected COCO annotations, COCO results or the lines"),
        ("[]", "boxes.json: has no boxes for photo_0.png (it knows no image)"),
        (
            '[{"image_id": "photo_0", "bbox": [500, 5, 9, 9]}]',
            "box 0 [500.0, 5.0, 509.0, 14.0] lies outside of the image, which is 150 x 96",
        ),
        ('[{"image_id": 0, "bbox": [5, 5, -1, 9]}]', "box 0 expects x1 < x2 and y1 < y2"),
    ],
)
def test_bad_boxes_are_one_line(
    surgery_run: Path,
    top_down: Path,
    photos: list[Path],
    tmp_path: Path,
    content: str | None,
    message: str,
) -> None:
    file = tmp_path / "boxes.json"
    if content is not None:
        file.write_text(content)
    done = run(surgery_run, top_down, photos[0], "--boxes", file)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr


def test_boxes_for_a_network_that_takes_none_are_refused(
    surgery_run: Path, photos: list[Path], tmp_path: Path
) -> None:
    folder = bundle_of(tmp_path / "bundle", "ctdet")
    file = box_file(tmp_path / "boxes.json", photos, "results")
    done = run(surgery_run, folder, photos[0], "--boxes", file)
    assert done.returncode == 1
    assert "boxes are for networks that see one person at a time" in done.stderr


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve frames in which two patches move; lossless, so that every decoder sees one thing."""
    path = tmp_path_factory.mktemp("film") / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"FFV1"), 10, (150, 96))
    if not writer.isOpened():
        pytest.skip("this OpenCV writes no lossless video")
    background = cv2.resize(
        np.random.default_rng(8).integers(60, 180, (5, 6, 3)).astype(np.uint8), (150, 96)
    )
    for step in range(12):
        frame = background.copy()
        cv2.circle(frame, (30 + 4 * step, 40), 16, (250, 40, 20), -1)
        cv2.circle(frame, (110 - 3 * step, 70), 12, (20, 60, 240), -1)
        writer.write(frame)
    writer.release()
    return path


@pytest.mark.parametrize("smooth", ["one-euro", "ema", "none"])
def test_ids_and_smoothed_keypoints_of_a_video_are_those_of_python(
    surgery_run: Path, film: Path, tmp_path: Path, smooth: str
) -> None:
    folder = bundle_of(tmp_path / "bundle", "multi_pose")
    expected = in_python(folder, film, "--smooth", smooth)
    ours = found(surgery_run, folder, film, "--smooth", smooth)
    tracks = [[item.get("track") for item in line["instances"]] for line in expected]
    assert sum(track is not None for row in tracks for track in row) > 12
    assert [[item.get("track") for item in line["instances"]] for line in ours] == tracks
    assert [line["frame"] for line in ours] == [line["frame"] for line in expected]
    assert_same(ours, expected, pixels=0.01, score=1e-5)


def test_json_of_the_published_movenet_is_that_of_python(
    surgery_run: Path, reference: Path, bundle: Callable[..., Path]
) -> None:
    photos = sorted((reference.parent / "photos").glob("demo_*.jpg"))
    if not photos:
        pytest.skip("no photos beside the reference")
    folder = bundle("movenet", f"model.path={reference / 'movenet' / 'movenet_lightning.onnx'}")
    expected = in_python(folder, *photos)
    # JPEG decoders of two OpenCVs may differ by a level
    assert_same(found(surgery_run, folder, *photos), expected, pixels=0.01, score=1e-5)
