"""The command line: a line for each image, one line for each mistake, an exit code that tells."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from postprocess.__main__ import main

Image = NDArray[np.uint8]
Output = pytest.CaptureFixture[str]


@pytest.fixture
def images(tmp_path: Path, blobs: Image) -> Path:
    """Two photos, a file that is none, and an empty one, in one folder."""
    folder = tmp_path / "images"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.png"), blobs)
    cv2.imwrite(str(folder / "b.png"), blobs[::-1])
    (folder / "notes.txt").write_text("not an image, and not taken for one")
    return folder


def run(*arguments: object) -> int:
    return main([*map(str, arguments), "--backend", "numpy", "--threads", "1"])


def test_json_is_one_object_an_image_and_nothing_else(
    tiny_bundle: Path, images: Path, capsys: Output
) -> None:
    assert run(tiny_bundle, images / "a.png", images / "b.png", "--json") == 0
    captured = capsys.readouterr()
    records = [json.loads(line) for line in captured.out.splitlines()]
    assert [record["image"] for record in records] == [str(images / n) for n in ("a.png", "b.png")]
    assert all(len(record["instances"]) == 2 for record in records)
    assert captured.err == ""


def test_a_folder_and_a_pattern_stand_for_the_images_in_them(
    tiny_bundle: Path, images: Path, capsys: Output
) -> None:
    for argument in (images, images / "*.png"):
        assert run(tiny_bundle, argument) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line.split(": ")[0] for line in lines] == [
            str(images / "a.png"),
            str(images / "b.png"),
        ]
        assert "2 instances (1 " in lines[0]


def test_overlays_are_written_and_none_over_another(
    tiny_bundle: Path, images: Path, tmp_path: Path, blobs: Image
) -> None:
    cv2.imwrite(str(images / "a.jpg"), blobs)
    out = tmp_path / "new" / "out"
    assert run(tiny_bundle, images, "--out", out) == 0
    assert sorted(path.name for path in out.iterdir()) == ["a.png", "a_2.png", "b.png"]
    drawn = cv2.imread(str(out / "a.png"))
    assert drawn is not None
    assert max(drawn.shape) >= 640


def test_bad_images_are_a_line_each_and_the_others_are_processed(
    tiny_bundle: Path, images: Path, tmp_path: Path, capsys: Output
) -> None:
    empty, cut = tmp_path / "empty.png", tmp_path / "cut.png"
    empty.touch()
    cut.write_bytes((images / "a.png").read_bytes()[:20])
    nowhere = tmp_path / "none" / "*.png"
    arguments = [tmp_path / "missing.jpg", empty, images / "notes.txt", cut, nowhere]
    assert run(tiny_bundle, *arguments, images / "a.png", "--json") == 1
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 1
    lines = captured.err.splitlines()
    assert sorted(lines) == sorted(
        [
            f"error: {nowhere}: no image there (.bmp, .jpeg, .jpg, .png, .tif, .tiff, .webp)",
            f"error: {tmp_path / 'missing.jpg'}: cannot be read: No such file or directory",
            f"error: {empty}: not an image, the file is empty",
            f"error: {images / 'notes.txt'}: not an image that OpenCV can decode (35 bytes)",
            f"error: {cut}: not an image that OpenCV can decode (20 bytes)",
        ]
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "error: nowhere: no such folder; a bundle is a folder with a bundle.json"),
        (
            ["BUNDLE", "--threshold", "nan"],
            "error: decoder E2EC: 'threshold' expects a number, got nan",
        ),
        (["BUNDLE", "--threads", "0"], "error: threads expects at least 1, got 0"),
        (["BUNDLE", "--out", "FILE"], "error: --out FILE: cannot be a folder: File exists"),
    ],
)
def test_what_is_wrong_with_the_arguments_is_one_line_and_exit_1(
    tiny_bundle: Path, images: Path, capsys: Output, arguments: list[str], message: str
) -> None:
    file = str(images / "notes.txt")
    given = [{"BUNDLE": str(tiny_bundle), "FILE": file}.get(each, each) for each in arguments]
    assert main([given[0], str(images / "a.png"), *given[1:]]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith(message.replace("FILE", file))


def test_a_changed_file_is_refused_unless_told_otherwise(
    tiny_bundle: Path, images: Path, capsys: Output
) -> None:
    document = json.loads((tiny_bundle / "bundle.json").read_text())
    document["files"]["refine.onnx"] = "0" * 64
    (tiny_bundle / "bundle.json").write_text(json.dumps(document))
    assert run(tiny_bundle, images / "a.png") == 1
    assert "sha256" in capsys.readouterr().err
    assert run(tiny_bundle, images / "a.png", "--no-verify") == 0


def test_threshold_replaces_the_bundles(tiny_bundle: Path, images: Path, capsys: Output) -> None:
    assert run(tiny_bundle, images / "a.png", "--threshold", "0.9999") == 0
    assert capsys.readouterr().out == f"{images / 'a.png'}: no instances\n"


def test_what_a_picture_does_not_show_is_counted_apart(
    tiny_bundle: Path, images: Path, capsys: Output
) -> None:
    path = tiny_bundle / "bundle.json"
    manifest = json.loads(path.read_text())
    manifest["decoder"]["threshold"] = 1e-6
    path.write_text(json.dumps(manifest))
    assert run(tiny_bundle, images / "a.png") == 0
    assert re.search(
        r": 2 instances \(.*\), best 0\.\d\d; \d+ below score 0\.3\n$", capsys.readouterr().out
    )


@pytest.mark.parametrize("name", ["missing.png", "text.png", "broken.mp4"])
def test_no_folder_stays_where_nothing_could_be_drawn(
    tiny_bundle: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "broken.mp4").write_bytes(bytes(100))
    before = {path.name for path in tmp_path.iterdir()}
    assert run(tiny_bundle, tmp_path / name, "--out", tmp_path / "new" / "out") == 1
    assert {path.name for path in tmp_path.iterdir()} == before
    (tmp_path / "own").mkdir()
    assert run(tiny_bundle, tmp_path / name, "--out", tmp_path / "own" / "out") == 1
    assert (tmp_path / "own").is_dir()
    assert not (tmp_path / "own" / "out").exists()


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from postprocess.__main__ import main\n"
        "try: main(['--help'])\n"
        "except SystemExit as stop: assert stop.code == 0\n"
        "heavy = {'numpy', 'cv2', 'onnxruntime'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "BUNDLE" in done.stdout


def test_a_reader_that_leaves_early_causes_no_traceback(tiny_bundle: Path, images: Path) -> None:
    command = [sys.executable, "-m", "postprocess", str(tiny_bundle), "--backend", "numpy"]
    process = subprocess.Popen(
        [*command, *[str(images / "a.png")] * 20],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait() == 1
