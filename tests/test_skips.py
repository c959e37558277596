"""Skipped tests are grouped by what they lack."""

from __future__ import annotations

from types import SimpleNamespace

from .skips import OTHER, among, grouped


def test_reasons_become_rows_with_the_command_that_helps() -> None:
    reasons = ["Skipped: mmcv is not installed: make mmcv"] * 3
    reasons += ["Skipped: no Chromium: see docs/web.md", "Skipped: this OpenCV writes no video"]
    rows = list(grouped(reasons))
    assert rows[0] == (3, "mmcv with its operators", "make mmcv")
    assert (1, OTHER, "this OpenCV writes no video") in rows


def test_a_second_run_takes_what_the_first_skipped_alone_or_with_its_file() -> None:
    names = ["a.py::one", "a.py::two[x::y]", "b.py::one"]
    items = [SimpleNamespace(nodeid=name) for name in names]
    assert [i.nodeid for i in among(items, ["a.py::two[x::y]", "b.py"])] == names[1:]
