"""A bundle reaches its place whole or not at all, and nothing that was there is lost."""

from __future__ import annotations

import errno
import json
import os
import re
from pathlib import Path

import pytest

from postprocess.errors import InputError
from surgery.job.bundle import check_place, staging


def publish(out: Path, content: str) -> None:
    with staging(out) as stage:
        (stage.folder / "backbone.onnx").write_text(content)
        stage.write({"model": {"name": "m"}})
        stage.publish()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_failed_run_leaves_the_old_bundle_as_it_was(tmp_path: Path) -> None:
    out = tmp_path / "bundle"
    publish(out, "old")
    before = (out / "bundle.json").read_bytes()

    def fail() -> None:
        with staging(out) as stage:
            (stage.folder / "backbone.onnx").write_text("half")
            raise RuntimeError("the export failed")

    with pytest.raises(RuntimeError):
        fail()
    assert (out / "bundle.json").read_bytes() == before
    assert (out / "backbone.onnx").read_text() == "old"
    assert names(tmp_path) == ["bundle"]


def test_a_killed_run_leaves_nothing_that_the_next_one_does_not_remove(tmp_path: Path) -> None:
    dead = tmp_path / ".bundle.partial-999999999"  # no process has this number
    dead.mkdir()
    (dead / "backbone.onnx").write_text("half")
    publish(tmp_path / "bundle", "new")
    assert names(tmp_path) == ["bundle"]


def test_a_new_bundle_replaces_the_old_one_whole(tmp_path: Path) -> None:
    out = tmp_path / "bundle"
    with staging(out) as stage:
        (stage.folder / "refine.onnx").write_text("old")
        stage.write({})
        stage.publish()
    publish(out, "new")
    assert names(out) == ["backbone.onnx", "bundle.json"]
    assert set(json.loads((out / "bundle.json").read_text())["files"]) == {"backbone.onnx"}


def test_what_somebody_added_to_a_bundle_is_kept(tmp_path: Path) -> None:
    out = tmp_path / "bundle"
    publish(out, "old")
    (out / "notes.txt").write_text("mine")
    publish(out, "new")
    assert (out / "notes.txt").read_text() == "mine"


def test_a_folder_that_is_no_bundle_is_refused_and_untouched(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match="holds files but no bundle"):
        publish(tmp_path, "new")
    assert names(tmp_path) == ["thesis.tex"]


def test_a_file_in_the_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(InputError, match="is a file"):
        check_place(tmp_path / "out")


def test_a_place_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file")
    with pytest.raises(InputError, match="cannot be written"):
        check_place(tmp_path / "file" / "out")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS])
def test_a_disk_that_takes_no_more_is_one_line_and_nothing_is_left(
    tmp_path: Path, code: int
) -> None:
    out = tmp_path / "bundle"
    publish(out, "old")

    def write() -> None:
        with staging(out) as stage:
            (stage.folder / "backbone.onnx").write_text("half")
            raise OSError(code, os.strerror(code))

    with pytest.raises(InputError, match=re.escape(os.strerror(code))):
        write()
    assert names(tmp_path) == ["bundle"]
    assert (out / "backbone.onnx").read_text() == "old"


def test_a_second_run_to_the_same_place_is_refused_while_the_first_one_writes(
    tmp_path: Path,
) -> None:
    out = tmp_path / "bundle"
    with staging(out) as stage:
        with pytest.raises(InputError, match="being written by another run"), staging(out):
            pass
        with staging(tmp_path / "bundle2"):  # another place
            pass
        assert stage.folder.is_dir()
    publish(out, "new")


def test_what_a_killed_run_with_this_number_left_is_removed(tmp_path: Path) -> None:
    dead = tmp_path / f".bundle.partial-{os.getpid()}"  # numbers come again in a container
    dead.mkdir()
    publish(tmp_path / "bundle", "new")
    assert names(tmp_path) == ["bundle"]
