"""The examples, built once a session where the tools are there."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Json = dict[str, Any]
ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "examples"
# a job whose verdict is not looked at
QUICK = ("surgery.compare=[]", "surgery.pictures=1", "surgery.judge.count=1")


def run(*command: str | Path, seconds: float = 300) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=seconds
    )


def built(*command: str | Path) -> None:
    done = run(*command, seconds=550)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def need(*programs: str) -> None:
    """Skip where a program is missing."""
    missing = [each for each in programs if shutil.which(each) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed: see docs/cpp.md, docs/web.md")


def need_packages(*packages: str) -> None:
    """Skip where pkg-config knows no such C++ package."""
    need("pkg-config")
    missing = [each for each in packages if run("pkg-config", "--exists", each).returncode]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed for C++: see docs/cpp.md")


@contextmanager
def in_turn() -> Iterator[None]:
    """Keep the other workers of a parallel run from building in the same folder meanwhile."""
    BUILD.mkdir(parents=True, exist_ok=True)
    with open(BUILD / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def surgery_run() -> Path:
    """The program surgery-run, with ONNX Runtime as Python has it and with OpenCV's dnn."""
    need("cmake", "c++", "npm")
    need_packages("libcrypto", "nlohmann_json", "opencv4", "zlib")
    with in_turn():
        return _surgery_run()


def _surgery_run() -> Path:
    onnxruntime = BUILD / "onnxruntime"
    built(sys.executable, ROOT / "examples/cpp/fetch_onnxruntime.py", onnxruntime)
    built(
        *("cmake", "-S", ROOT / "examples/cpp", "-B", BUILD / "cpp"),
        *(f"-DONNXRUNTIME_ROOT={onnxruntime}", "-DSURGERY_WERROR=ON", "-DSURGERY_TESTS=ON"),
    )
    built("cmake", "--build", BUILD / "cpp", "--parallel", "2")
    return BUILD / "cpp" / "surgery-run"


def in_python(bundle: Path, *arguments: str | Path) -> list[Json]:
    """What `python -m postprocess BUNDLE ... --json` prints."""
    done = run(sys.executable, "-m", "postprocess", bundle, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def assert_same(found: list[Json], expected: list[Json], pixels: float, score: float) -> None:
    """Same images, same instances in the same order, equal within tolerances."""
    assert [Path(each["image"]).name for each in found] == [
        Path(each["image"]).name for each in expected
    ]
    for ours, theirs in zip(found, expected, strict=True):
        labels = [[each["label"] for each in one["instances"]] for one in (ours, theirs)]
        assert labels[0] == labels[1]
        for mine, other in zip(ours["instances"], theirs["instances"], strict=True):
            assert mine.keys() == other.keys()
            assert mine["class"] == other["class"]
            assert mine["score"] == pytest.approx(other["score"], abs=score)
            for key in mine.keys() & {"box", "contour", "keypoints"}:
                np.testing.assert_allclose(mine[key], other[key], rtol=0, atol=pixels, err_msg=key)


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Drawn scenes of the demo networks' domain, of several sizes, as PNG files."""
    import cv2

    from surgery.scenes.draw import draw

    folder = tmp_path_factory.mktemp("scenes")
    paths = []
    for seed, size in enumerate(((128, 128), (300, 200), (90, 160))):
        path = folder / f"scene_{seed}.png"
        cv2.imwrite(str(path), cv2.resize(draw(2026, seed).image, size[::-1]))
        paths.append(path)
    return paths


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Bundle of a demo network by name, written by the main job."""
    made: dict[str, Path] = {}

    def write(model: str, *settings: str) -> Path:
        key = " ".join((model, *settings))
        if key not in made:
            made[key] = tmp_path_factory.mktemp("bundles") / model
            command = (sys.executable, "-m", "surgery", f"model={model}", f"out={made[key]}")
            done = run(*command, *QUICK, *settings, seconds=550)
            assert done.returncode == 0, done.stderr
        return made[key]

    return write
