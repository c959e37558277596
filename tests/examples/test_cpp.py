"""surgery-run against `python -m postprocess`, on the same bundle and images."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from .conftest import Json, assert_same, in_python, run


@pytest.fixture(scope="module")
def e2ec(surgery_run: Path, bundle: Callable[..., Path]) -> Path:
    """The demo bundle; asked for after the program, so that it is not made in vain."""
    return bundle("e2ec", "surgery.dcn=native")


def found(surgery_run: Path, *arguments: str | Path) -> list[Json]:
    done = run(surgery_run, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def one_line(surgery_run: Path, *arguments: str | Path) -> str:
    done = run(surgery_run, *arguments)
    assert done.returncode == 1
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert lines == done.stderr.splitlines()
    return lines[0]


def test_json_is_that_of_python(surgery_run: Path, e2ec: Path, scenes: list[Path]) -> None:
    expected = in_python(e2ec, *scenes)
    assert sum(len(each["instances"]) for each in expected) > 2
    assert_same(found(surgery_run, e2ec, *scenes), expected, pixels=0.01, score=1e-5)


@pytest.mark.parametrize("model", ["snake", "tinypose"])
def test_json_is_that_of_python_for_the_other_decoders(
    surgery_run: Path,
    bundle: Callable[..., Path],
    scenes: list[Path],
    model: str,
) -> None:
    settings = ("surgery.dcn=native",) if model == "snake" else ()
    folder = bundle(model, *settings)
    expected = in_python(folder, *scenes)
    assert sum(len(each["instances"]) for each in expected) > 2
    assert_same(found(surgery_run, folder, *scenes), expected, pixels=0.01, score=1e-5)


def test_golden_npz_checks_out(surgery_run: Path, e2ec: Path) -> None:
    done = run(surgery_run, e2ec, "--check")
    assert done.returncode == 0, done.stdout
    with np.load(e2ec / "golden.npz") as golden:
        assert all(name in done.stdout for name in golden.files if name != "image")


def test_golden_npz_of_another_result_is_told(
    surgery_run: Path, e2ec: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(e2ec, tmp_path / "bundle")
    with np.load(folder / "golden.npz") as golden:
        arrays = {name: golden[name] for name in golden.files}
    arrays["py.1"] = arrays["py.1"] + np.float32(0.05)
    np.savez(folder / "golden.npz", **arrays)
    done = run(surgery_run, folder, "--check", "--no-verify")
    assert done.returncode == 1
    assert re.findall(r"^(\S+) .*DIFFERS$", done.stdout, re.MULTILINE) == ["py.1"]


def test_latency_and_memory_are_printed_by_stage(
    surgery_run: Path, e2ec: Path, scenes: list[Path], tmp_path: Path
) -> None:
    done = run(surgery_run, e2ec, scenes[0], "--out", tmp_path, "--repeat", "3", "--threads", "1")
    stages = ("preprocess", "backbone", "decode", "sample", "refine", "draw", "total")
    rows = re.findall(r"^(\w+) +([\d.]+) +([\d.]+)$", done.stdout, re.MULTILINE)
    assert tuple(name for name, _, _ in rows) == stages
    assert "(3 runs)" in done.stdout
    assert "resident memory" in done.stdout


def test_overlay_is_that_of_python(
    surgery_run: Path, e2ec: Path, scenes: list[Path], tmp_path: Path
) -> None:
    import cv2

    run(surgery_run, e2ec, scenes[0], "--out", tmp_path / "ours")
    in_python(e2ec, scenes[0], "--out", tmp_path / "theirs")
    ours, theirs = (
        cv2.imread(str(tmp_path / who / f"{scenes[0].stem}.png")).astype(np.float64)
        for who in ("ours", "theirs")
    )
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).mean() < 1  # levels: two versions of OpenCV draw the letters


def test_video_gives_each_frame_and_an_overlay_video(
    surgery_run: Path, e2ec: Path, tmp_path: Path
) -> None:
    import cv2

    path = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (160, 128))
    if not writer.isOpened():
        pytest.skip("this OpenCV writes no video")
    for shade in range(4):
        writer.write(np.full((128, 160, 3), 40 * shade, np.uint8))
    writer.release()
    lines = found(surgery_run, e2ec, path, "--out", tmp_path)
    assert [line["frame"] for line in lines] == [0, 1, 2, 3]
    film = cv2.VideoCapture(str(tmp_path / "film.mp4"))
    assert film.get(cv2.CAP_PROP_FRAME_COUNT) == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("missing.jpg",), "missing.jpg: cannot be read"),
        (("README.md",), "README.md: not an image"),
        (("x.jpg", "--threads", "none"), "--threads expects a whole number"),
        (("x.jpg", "--provider", "Abacus"), "has no AbacusExecutionProvider"),
        (("x.jpg", "--frob"), "unknown option --frob"),
    ],
)
def test_bad_input_is_one_line(
    surgery_run: Path,
    e2ec: Path,
    repository: Path,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    named = [str(repository / each) if each == "README.md" else each for each in arguments]
    assert message in one_line(surgery_run, e2ec, *named)


def test_changed_file_is_refused(
    surgery_run: Path, e2ec: Path, scenes: list[Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(e2ec, tmp_path / "bundle")
    with (folder / "refine.onnx").open("ab") as file:
        file.write(b"\0")
    assert "refine.onnx: sha256 is" in one_line(surgery_run, folder, scenes[0])


def test_size_that_the_graph_does_not_take_is_told(
    surgery_run: Path, e2ec: Path, scenes: list[Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(e2ec, tmp_path / "bundle")
    document = json.loads((folder / "bundle.json").read_text())
    document["preprocess"]["size"] = [160, 160]
    (folder / "bundle.json").write_text(json.dumps(document))
    assert (
        "input 'image' expects float32 (1,3,128,128) = 49,152 values, "
        "got (1,3,160,160) = 76,800 values"
    ) in one_line(surgery_run, folder, scenes[0])


def test_slips_at_the_border_to_onnx_runtime_are_told(surgery_run: Path, e2ec: Path) -> None:
    done = run(surgery_run.with_name("graph_errors"), e2ec)
    assert done.returncode == 0, done.stderr


def test_opencv_alone_runs_a_keypoint_model(
    surgery_run: Path, bundle: Callable[..., Path], scenes: list[Path]
) -> None:
    folder = bundle("tinypose")
    ours = found(surgery_run, folder, *scenes, "--backend", "opencv")
    assert_same(ours, found(surgery_run, folder, *scenes), pixels=0.05, score=1e-4)


def test_opencv_says_what_it_cannot_open(surgery_run: Path, e2ec: Path, scenes: list[Path]) -> None:
    message = one_line(surgery_run, e2ec, scenes[0], "--backend", "opencv")
    assert "backbone.onnx: OpenCV's dnn cannot open it" in message
