"""The same inputs give the same bundle, byte for byte, but for what it names itself."""

from __future__ import annotations

import shutil
from pathlib import Path

from .conftest import Operate, manifest
from .graphs import plain


def test_two_runs_give_the_same_bytes_but_for_the_files_that_hold_times(
    operate: Operate, tmp_path: Path
) -> None:
    first = shutil.copytree(operate(plain()), tmp_path / "first")
    second = operate(plain())
    said = manifest(first)
    assert said["varies"] == ["report.html", "report.json"]
    for name in set(said["files"]) - set(said["varies"]):
        assert (first / name).read_bytes() == (second / name).read_bytes(), name
    again = manifest(second)
    for each in (said, again):
        for name in each["varies"]:
            del each["files"][name]
    assert said == again
