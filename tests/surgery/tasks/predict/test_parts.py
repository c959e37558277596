"""Parts are named by what they are made of, and a folder holds those of one run."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import postprocess
from postprocess.errors import InputError
from surgery.tasks.predict.cluster import require_ray
from surgery.tasks.predict.inputs import find_pictures
from surgery.tasks.predict.parts import ERRORS, Folder, plan
from surgery.tasks.predict.settings import PredictSettings
from surgery.tasks.predict.worker import Work, do_part

KEY = "0123456789ab"


def work(bundle: Path, out: Path, form: str = "jsonl") -> Work:
    out.mkdir(exist_ok=True)
    return Work(str(bundle), "m" * 64, {}, ("contour",), form, str(out), 1)


def test_a_name_changes_with_a_picture_and_with_nothing_else(draw: Callable[[int], Path]) -> None:
    folder = draw(5)
    before = plan(find_pictures([str(folder)]), 2, KEY, "parquet")
    assert [len(part.paths) for part in before] == [2, 2, 1]
    assert before == plan(find_pictures([str(folder)]), 2, KEY, "parquet")
    os.utime(folder / "0002.png", ns=(1, 1))
    after = plan(find_pictures([str(folder)]), 2, KEY, "parquet")
    assert [a.name == b.name for a, b in zip(before, after, strict=True)] == [True, False, True]


def test_parts_of_others_are_refused_and_of_changed_pictures_removed_on_demand(
    draw: Callable[[int], Path], bundle: Path, tmp_path: Path
) -> None:
    images, job = draw(4), work(bundle, tmp_path / "out")
    (images / "0001.png").write_text("broken")
    folder = Folder(tmp_path / "out", job.key, "jsonl")
    parts = plan(find_pictures([str(images)]), 2, job.key, "jsonl")
    runtime = postprocess.load(bundle)
    for part in parts:
        do_part(runtime, part, job)
    assert folder.gather_errors(parts) == 1
    os.utime(images / "0001.png", ns=(1, 1))
    changed = plan(find_pictures([str(images)]), 2, job.key, "jsonl")
    with pytest.raises(InputError, match=r"holds 1 parts of other pictures.*replace=true"):
        folder.missing(changed, replace=False)
    assert folder.missing(changed, replace=True) == changed[:1]
    assert folder.gather_errors(changed) == 0
    with pytest.raises(InputError, match="parts of another bundle, threshold or format"):
        Folder(tmp_path / "out", KEY, "jsonl").missing(changed, replace=True)
    with pytest.raises(InputError, match="parts of another bundle, threshold or format"):
        Folder(tmp_path / "out", job.key, "parquet").missing(changed, replace=True)


def test_a_part_holds_what_can_be_read_and_its_errors_the_rest(
    draw: Callable[[int], Path], bundle: Path, tmp_path: Path
) -> None:
    images, job = draw(3), work(bundle, tmp_path / "out")
    (images / "0001.png").write_bytes(b"")
    given = [str(images), "nowhere.png"]
    [part] = plan(find_pictures(given), 9, job.key, "jsonl")
    done = do_part(postprocess.load(bundle), part, job)
    assert (done.pictures, done.errors) == (4, 2)
    rows = [json.loads(line) for line in (tmp_path / "out" / part.name).read_text().splitlines()]
    assert [row["image"] for row in rows] == [str(images / "0000.png"), str(images / "0002.png")]
    assert (rows[1]["width"], rows[1]["height"], rows[1]["model"]) == (96, 80, "m" * 64)
    Folder(tmp_path / "out", job.key, "jsonl").gather_errors([part])
    errors = [json.loads(line) for line in (tmp_path / "out" / ERRORS).read_text().splitlines()]
    assert errors == [
        {"image": str(images / "0001.png"), "error": "not an image, the file is empty"},
        {"image": "nowhere.png", "error": "cannot be read: No such file or directory"},
    ]
    again = do_part(postprocess.load(bundle), part, job)
    assert (again.pictures, again.errors) == (4, 2)


def test_without_the_extra_one_line_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.delitem(sys.modules, "pyarrow.parquet", raising=False)
    with pytest.raises(InputError, match=r"model-surgery\[predict\]', or make predict"):
        require_ray()


def test_settings_are_refused_in_one_line() -> None:
    good = {"workers": 2, "block": 8, "format": "jsonl", "threshold": None, "replace": False}
    node = {"images": ["a", "b"], **good, "ray": {"address": None}}
    assert PredictSettings.read(node, "").images == ("a", "b")
    for key, value, words in (
        ("images", 3, "'images' expects a file, a folder, a pattern or a list of them, got 3"),
        ("workers", 0, "an integer of at least 1"),
        ("format", "csv", "one of parquet, jsonl"),
        ("threshold", 2.0, "a number from 0 to 1"),
        ("ray", {"address": 5}, "expects a string, got 5"),
    ):
        with pytest.raises(InputError, match=words):
            PredictSettings.read({**node, key: value}, "")
