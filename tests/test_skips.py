"""Skipped tests are grouped by what they lack."""

from __future__ import annotations

from .skips import OTHER, grouped


def test_reasons_become_rows_with_the_command_that_helps() -> None:
    reasons = ["Skipped: mmcv is not installed: make mmcv"] * 3
    reasons += ["Skipped: no Chromium: see docs/web.md", "Skipped: this OpenCV writes no video"]
    rows = list(grouped(reasons))
    assert rows[0] == (3, "mmcv with its operators", "make mmcv")
    assert (1, OTHER, "this OpenCV writes no video") in rows
