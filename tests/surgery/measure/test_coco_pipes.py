"""Annotations are read from a regular file alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from postprocess.errors import InputError
from surgery.measure.coco import read_annotations


def test_a_pipe_without_a_writer_and_a_folder_are_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(InputError, match="this is a pipe"):
        read_annotations(pipe)
    with pytest.raises(InputError, match="this is a folder"):
        read_annotations(tmp_path)
