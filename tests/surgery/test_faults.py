"""Faults from outside: kills, rivals, a full disk, closed streams, no home, odd locales.

``out`` is the old whole bundle or the new whole one, and what is said is one line.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from postprocess.bundle import sha256
from surgery.fitting.saved import cache_folder
from surgery.job.bundle import staging

# publishes bundles one after another, each of three files of its own number
PUBLISH = """
import sys
from pathlib import Path
from postprocess.errors import InputError
from surgery.job.bundle import staging
out, first, last = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
for number in range(first, last):
    try:
        with staging(out) as stage:
            for name in ("backbone.onnx", "golden.npz", "overlay.png"):
                (stage.folder / name).write_bytes(str(number).encode() * 20_000)
            stage.write({"number": number})
            stage.publish()
        print(number, flush=True)
    except InputError as error:
        print("refused:", error, flush=True)
"""


def whole(out: Path) -> int:
    """The number of the bundle in ``out``, when every file is of it."""
    manifest = json.loads((out / "bundle.json").read_text())
    for name, expected in manifest["files"].items():
        assert sha256(out / name) == expected, name
        assert (out / name).read_bytes()[:1] == str(manifest["number"]).encode()[:1]
    assert sorted(p.name for p in out.iterdir()) == sorted(["bundle.json", *manifest["files"]])
    return int(manifest["number"])


def publishing(out: Path, first: int, last: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PUBLISH, str(out), str(first), str(last)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.skipif(sys.platform != "linux", reason="folders change places by Linux's renameat2")
def test_out_is_whole_whenever_a_run_is_killed(tmp_path: Path) -> None:
    out, rng = tmp_path / "bundle", random.Random(0)
    with publishing(out, 0, 1) as first:
        first.wait()
    for _ in range(8):
        process = publishing(out, 1, 10_000)
        assert process.stdout is not None
        process.stdout.readline()  # it has published once
        time.sleep(rng.random() * 0.02)
        process.kill()
        process.wait()
        process.stdout.close()
        whole(out)
    with publishing(out, 7, 8) as last:  # and the next run finds nothing in its way
        last.wait()
    assert whole(out) == 7
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_runs_into_one_out_at_once_leave_one_of_them_whole(tmp_path: Path) -> None:
    out = tmp_path / "bundle"
    runs = [publishing(out, first, first + 20) for first in (100, 200, 300)]
    said = [run.communicate(timeout=60)[0].splitlines() for run in runs]
    assert [run.returncode for run in runs] == [0, 0, 0]
    whole(out)
    assert any(line.isdecimal() for lines in said for line in lines)
    for line in (line for lines in said for line in lines if not line.isdecimal()):
        assert "is being written by another run" in line


@pytest.fixture
def small_disk(tmp_path: Path) -> Path:
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=48k", "tmpfs", str(folder)]
    if (
        sys.platform != "linux"
        or os.geteuid()
        or subprocess.run(mount, capture_output=True).returncode
    ):
        pytest.skip("this machine or these rights: no small disk can be mounted")
    return folder


def test_a_full_disk_leaves_the_old_bundle(small_disk: Path) -> None:
    out = small_disk / "bundle"
    try:
        with staging(out) as stage:
            (stage.folder / "backbone.onnx").write_bytes(b"1")
            stage.write({"number": 1})
            stage.publish()
        with publishing(out, 9, 10) as process:
            told = process.communicate()[0]
        assert process.returncode == 0  # the loop above prints the refusal
        assert "No space left on device" in told
        assert len(told.splitlines()) == 1
        assert whole(out) == 1
        assert [path.name for path in small_disk.iterdir()] == ["bundle"]
    finally:
        subprocess.run(["umount", str(small_disk)], check=True)


@pytest.mark.parametrize("stream", [1, 2])
@pytest.mark.parametrize("module", ["surgery", "postprocess"])
def test_a_closed_stream_is_no_traceback(module: str, stream: int, tmp_path: Path) -> None:
    """It was an AttributeError; and the number of the stream went to the next file opened."""
    arguments = {"surgery": ["model=none"], "postprocess": [str(tmp_path), "none.png"]}[module]
    other = tmp_path / "other"
    with other.open("w") as file:
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=tmp_path,
            stdout=file if stream == 2 else None,
            stderr=file if stream == 1 else None,
            preexec_fn=lambda: os.close(stream),
        )
    assert done.returncode == 1
    assert "Traceback" not in other.read_text()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_names_that_the_terminal_cannot_show_are_escaped(encoding: str, tmp_path: Path) -> None:
    name = "né ж.onnx"
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    for module, arguments in (
        ("surgery", [f"{name}=1"]),
        ("postprocess", [name, name]),
    ):
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
        )
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 1, done.stderr


def test_without_a_home_folder_fits_are_kept_below_the_current_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none() -> Path:
        raise RuntimeError("Could not determine home directory.")  # a container's nameless user

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Path, "home", none)
    monkeypatch.delenv("SURGERY_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder() == tmp_path / ".cache" / "surgery"
