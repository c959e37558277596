"""``task=predict`` gives what ``python -m postprocess`` gives, once, whoever is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from postprocess.errors import InputError
from surgery.config.run import Config
from surgery.tasks import run
from surgery.tasks.predict import cluster

from .conftest import by_the_run_time

parquet = pytest.importorskip("pyarrow.parquet", reason="Ray is not installed: make predict")
pytest.importorskip("ray.data", reason="Ray is not installed: make predict")


def table(out: Path) -> list[dict[str, Any]]:
    """The rows of all parts."""
    return [
        row for path in out.glob("part-*.parquet") for row in parquet.read_table(path).to_pylist()
    ]


def test_rows_are_those_of_the_run_time_and_a_rerun_does_nothing(
    compose: Callable[..., Config],
    draw: Callable[[int], Path],
    bundle: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    images, out = draw(12), tmp_path / "out"
    (images / "0005.png").write_text("broken")
    given = [f"bundle={bundle}", f"images={images}", f"out={out}", "block=5", "workers=1"]
    run(compose("task=predict", *given))
    assert "12 pictures in 3 parts" in capsys.readouterr().out
    rows, expected = table(out), by_the_run_time(bundle, images)
    assert {row["image"]: row["instances"] for row in rows} == expected
    assert len(rows) == len(expected) == 11
    assert sum(map(len, expected.values())) > 5
    assert {row["model"] for row in rows} == {
        sha256((bundle / "bundle.json").read_bytes()).hexdigest()
    }
    assert list(rows[0]) == ["image", "width", "height", "instances", "model"]
    errors = [json.loads(line) for line in (out / "errors.jsonl").read_text().splitlines()]
    assert [error["image"] for error in errors] == [str(images / "0005.png")]

    monkeypatch.setattr(cluster, "started", None)  # no Ray for what is done
    before = {path: path.stat().st_mtime_ns for path in out.glob("part-*")}
    run(compose("task=predict", *given))
    assert "all before; 1 could not be read" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in out.glob("part-*")} == before
    with pytest.raises(InputError, match="parts of another bundle, threshold or format"):
        run(compose("task=predict", *given, "threshold=0.9"))


def test_nothing_is_lost_and_nothing_twice_when_workers_and_the_driver_are_killed(
    draw: Callable[[int], Path], bundle: Path, tmp_path: Path
) -> None:
    images, out = draw(240), tmp_path / "out"
    command = [sys.executable, "-m", "surgery", "task=predict", f"bundle={bundle}", "block=2"]
    command += [f"images={images}", f"out={out}", "workers=2"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as driver:
        wait_for(out, 10, driver)
        os.kill(next(workers_of(driver.pid)), signal.SIGKILL)
        wait_for(out, 40, driver)
        started, workers = list(descendants(driver.pid)), list(workers_of(driver.pid))
        driver.kill()
    assert 0 < len(table(out)) < 240
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = table(out)
    assert max(Counter(row["image"] for row in rows).values()) == 1
    assert {row["image"]: row["instances"] for row in rows} == by_the_run_time(bundle, images)
    assert not [path for path in out.iterdir() if not path.name.startswith("part-")]
    assert not [pid for pid in workers if alive(pid)]
    for pid in filter(alive, started):  # Ray's agents, which look for their parent now and then
        os.kill(pid, signal.SIGKILL)


def wait_for(out: Path, count: int, driver: subprocess.Popen[str]) -> None:
    """Wait until so many parts are there."""
    end = time.monotonic() + 120
    while len(list(out.glob("part-*"))) < count:
        assert driver.poll() is None, driver.communicate()[1]
        assert time.monotonic() < end
        time.sleep(0.01)


def workers_of(driver: int) -> Iterator[int]:
    """Processes of Ray Data's pool."""
    for pid in descendants(driver):
        if b"MapWorker" in Path(f"/proc/{pid}/cmdline").read_bytes():
            yield pid


def descendants(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            yield child
            yield from descendants(child)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
