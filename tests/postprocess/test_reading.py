"""Readers take regular files of a bounded size, and name what else they were given."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from postprocess.boxes import BoxFile
from postprocess.bundle import read_bundle
from postprocess.errors import InputError
from postprocess.images import read_image
from postprocess.reading import read_bytes
from postprocess.videofile import Frames

READERS: dict[str, Callable[[Path], Any]] = {
    "image": read_image,
    "boxes": BoxFile,
    "video": lambda path: Frames(str(path)),
}


@pytest.mark.parametrize("reader", READERS)
def test_a_pipe_without_a_writer_is_refused_and_not_waited_for(tmp_path: Path, reader: str) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(InputError, match="this is a pipe"):
        READERS[reader](pipe)


@pytest.mark.parametrize("reader", READERS)
def test_a_folder_and_a_device_without_an_end_are_refused(tmp_path: Path, reader: str) -> None:
    with pytest.raises(InputError, match="this is a folder"):
        READERS[reader](tmp_path)
    with pytest.raises(InputError, match="this is a device"):
        READERS[reader](Path("/dev/zero"))


def test_a_bundle_whose_description_is_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "bundle.json")
    with pytest.raises(InputError, match="this is a pipe"):
        read_bundle(tmp_path)


def test_a_larger_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / "sparse.png"
    with file.open("wb") as made:
        made.truncate(2**40)  # takes no room on the disk
    with pytest.raises(InputError, match="expected at most 2,147,483,648"):
        read_image(file)
    file.write_bytes(b"1234")
    assert read_bytes(file, most=4) == b"1234"
    with pytest.raises(InputError, match="expected at most 3"):
        read_bytes(file, most=3)
