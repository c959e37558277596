"""Mutated files through every loader: a bounded run, and what the runner makes of faults."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CASES = 25
KINDS = ("onnx", "paddle2onnx", "pth", "legacy", "pdparams", "safetensors", "ncnn", "bundle")
KINDS += ("golden", "fit", "picture", "video", "coco", "boxes")

SCRIPT = """
import sys
from pathlib import Path
from benchmarks.fuzz.case import Watch, read, write
from benchmarks.fuzz.loaders import LOADERS
watch = Watch()
for name in sys.argv[3:]:
    place = Path(sys.argv[1]) / name
    (place / "seeds").mkdir(parents=True)
    LOADERS[name].seeds(place / "seeds")
    for number in range(int(sys.argv[2])):
        print(name, number, "begun", flush=True)
        write(LOADERS[name], f"0:{name}:{number}", place / "case")
        watch.on = number > 0  # the first one imports
        outcome, words = read(LOADERS[name], place / "case")
        watch.on = False
        assert outcome in ("ok", "refused") and not watch.seen, (name, number, words, watch.seen)
"""


def test_every_loader_reads_or_refuses_mutated_files(tmp_path: Path, repository: Path) -> None:
    given = [sys.executable, "-c", SCRIPT, str(tmp_path), str(CASES), *KINDS]
    done = subprocess.run(given, cwd=repository, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-100:] + done.stderr[-2000:]


@pytest.mark.skipif(sys.platform != "linux", reason="limits and /proc of Linux")
def test_the_runner_tells_crash_hang_traceback_and_what_was_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, repository: Path
) -> None:
    monkeypatch.syspath_prepend(str(repository))
    from benchmarks.fuzz import runner

    monkeypatch.setattr(runner, "SECONDS", 2.0)
    outcome = runner.fuzz("selftest", 6, seed=0)
    assert outcome.counts == {
        "ok": 1,
        "crash": 1,
        "hang": 1,
        "traceback": 1,
        "touched": 1,
        "memory": 1,
    }
