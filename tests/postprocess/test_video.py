"""Videos on the command line: frames in order, ids, overlays written whole, breakage counted."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from postprocess.__main__ import main
from postprocess.errors import InputError
from postprocess.preprocess import Image
from postprocess.result import Instance, Result
from postprocess.video import VideoOptions, run_video
from postprocess.videofile import Frames, VideoFile

FRAMES, RATE = 20, 10.0
Output = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _scipy() -> None:
    pytest.importorskip("scipy", reason="the extra 'video' is not installed")


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Motion JPEG, each frame a picture of its own: a blue disc moves right, a red one left."""
    path = tmp_path / "discs.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), RATE, (160, 96))
    for i in range(FRAMES):
        image = np.zeros((96, 160, 3), np.uint8)
        cv2.circle(image, (40 + 2 * i, 25), 14, (255, 0, 0), -1)
        cv2.circle(image, (120 - 2 * i, 70), 14, (0, 0, 255), -1)
        writer.write(image)
    writer.release()
    return path


def damaged(video: Path, *broken: int) -> Path:
    """The video with the pictures of some frames overwritten."""
    data = bytearray(video.read_bytes())
    starts, at = [], -1
    while (at := data.find(b"\xff\xd8\xff", at + 1)) >= 0:
        starts.append(at)
    assert len(starts) == FRAMES
    for i in broken:
        data[starts[i] : starts[i] + 400] = bytes(400)
    video.write_bytes(data)
    return video


def run(*arguments: object) -> int:
    return main([*map(str, arguments), "--backend", "numpy", "--threads", "1"])


def moved(image: Image) -> Result:
    """One object in the middle of what is bright."""
    ys, xs = np.nonzero(image.max(axis=2) > 100)
    box = np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1], np.float32)
    return Result((Instance("blob", 0, 0.9, box),), image.shape[:2])


def test_json_is_one_line_a_frame_with_index_and_track_ids(
    tiny_bundle: Path, video: Path, capsys: Output
) -> None:
    assert run(tiny_bundle, video, "--json") == 0
    captured = capsys.readouterr()
    lines = [json.loads(line) for line in captured.out.splitlines()]
    assert [line["frame"] for line in lines] == list(range(FRAMES))
    assert {line["image"] for line in lines} == {str(video)}
    for line in lines:
        ids = {item["label"]: item["track"] for item in line["instances"]}
        assert len(line["instances"]) == len(ids) == 2
        assert ids == {item["label"]: item["track"] for item in lines[0]["instances"]}
    assert f"{FRAMES} frames in " in captured.err
    assert "fps), 2 tracks" in captured.err


def test_the_overlay_is_a_video_of_as_many_frames_at_the_same_rate(
    tiny_bundle: Path, video: Path, tmp_path: Path, capsys: Output
) -> None:
    out = tmp_path / "out"
    assert run(tiny_bundle, video, "--out", out) == 0
    assert capsys.readouterr().out.endswith(f"-> {out / 'discs.mp4'}\n")
    assert [path.name for path in out.iterdir()] == ["discs.mp4"]
    with Frames(str(out / "discs.mp4")) as drawn:
        images = [frame.image for frame in drawn]
    assert (len(images), drawn.rate) == (FRAMES, RATE)
    assert images[0].shape == (96 * 4, 160 * 4, 3)


def test_broken_frames_are_counted_and_skipped_and_the_others_keep_their_index(
    tiny_bundle: Path, video: Path, capsys: Output
) -> None:
    damaged(video, 5, 6, 12)
    assert run(tiny_bundle, video, "--json") == 0
    captured = capsys.readouterr()
    indices = [json.loads(line)["frame"] for line in captured.out.splitlines()]
    assert indices == [i for i in range(FRAMES) if i not in (5, 6, 12)]
    assert "3 broken frames skipped" in captured.err
    assert len(captured.err.splitlines()) == 1


def test_frames_missing_at_the_end_are_broken_ones(video: Path) -> None:
    damaged(video, *range(15, FRAMES))
    with Frames(str(video)) as frames:
        assert len(list(frames)) == 15
    assert frames.broken == 5


def test_what_is_no_video_is_one_line_and_leaves_nothing(
    tiny_bundle: Path, video: Path, tmp_path: Path, capsys: Output
) -> None:
    empty, text = tmp_path / "empty.mp4", tmp_path / "text.mp4"
    empty.touch()
    text.write_text("not a video, whatever it is called" * 100)
    broken = damaged(video, *range(FRAMES))
    out = tmp_path / "out"
    for path in (tmp_path / "missing.mp4", empty, text, broken):
        assert run(tiny_bundle, path, "--out", out) == 1
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith(f"error: {path}: ")
        assert len(captured.err.splitlines()) == 1
        assert not out.exists()


def test_an_error_in_the_middle_leaves_no_overlay_and_no_thread(
    video: Path, tmp_path: Path
) -> None:
    calls = 0

    def find(image: Image) -> Result:
        nonlocal calls
        calls += 1
        if calls == 5:
            raise InputError("the fifth")
        return moved(image)

    out = tmp_path / "out.mp4"
    with pytest.raises(InputError, match="the fifth"):
        run_video(str(video), find, VideoOptions(out=out))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["discs.avi"]
    assert not [each for each in threading.enumerate() if each.name == "frames"]


def test_frames_are_decoded_while_one_is_worked_on(video: Path) -> None:
    with Frames(str(video), ahead=3) as frames:
        first = next(iter(frames))
        assert first.index == 0
        for _ in range(500):
            if frames._queue.full():
                break
            threading.Event().wait(0.01)
        assert frames._queue.qsize() == 3  # and no more: the queue is bounded


def test_times_follow_the_rate(video: Path) -> None:
    with Frames(str(video)) as frames:
        seconds = [frame.seconds for frame in frames]
    np.testing.assert_allclose(seconds, np.arange(FRAMES) / RATE, atol=1e-3)


def test_a_frame_of_another_size_is_brought_to_the_first_ones(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    with VideoFile(path, RATE) as file:
        for height in (64, 96):
            file.write(np.zeros((height, 64, 3), np.uint8))
    with Frames(str(path)) as frames:
        assert [frame.image.shape for frame in frames] == [(64, 64, 3)] * 2


def test_boxes_from_a_file_are_refused_for_a_video(
    tiny_bundle: Path, video: Path, tmp_path: Path, capsys: Output
) -> None:
    boxes = tmp_path / "boxes.json"
    boxes.write_text(json.dumps({"image": "a.png", "instances": []}) + "\n")
    assert run(tiny_bundle, video, "--boxes", boxes) == 1
    assert "--boxes is for images" in capsys.readouterr().err


def test_scipy_is_not_imported_for_images(tiny_bundle: Path, tmp_path: Path, blobs: Image) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), blobs)
    code = (
        "import sys; from postprocess.__main__ import main; "
        f"main([{str(tiny_bundle)!r}, {str(tmp_path / 'a.png')!r}]); "
        "print([name for name in sys.modules if name.split('.')[0] in ('scipy', 'fastapi')])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.splitlines()[-1] == "[]"
