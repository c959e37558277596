"""Every picture that is named is found once, on disk or through fsspec."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import fsspec
import numpy as np
import pytest

from postprocess.errors import InputError
from postprocess.images import read_image
from surgery.tasks.predict.inputs import find_pictures, read_picture


def test_folders_patterns_files_and_lists_name_a_picture_once(draw: Callable[[int], Path]) -> None:
    folder = draw(3)
    paths = [str(folder / f"{number:04}.png") for number in range(3)]
    (folder / "some.txt").write_text(f"{paths[1]}\n\n{paths[0]}\n")
    assert [each.path for each in find_pictures([str(folder)])] == paths
    assert [each.path for each in find_pictures([f"{folder}/*[02].png"])] == [paths[0], paths[2]]
    assert [each.path for each in find_pictures([paths[2], str(folder)])] == [paths[2], *paths[:2]]
    assert [each.path for each in find_pictures([f"{folder}/some.txt"])] == [paths[1], paths[0]]
    assert find_pictures(["nowhere.png"])[0].size == -1


def test_fsspec_lists_and_reads_as_the_disk_does(draw: Callable[[int], Path]) -> None:
    folder = draw(2)
    system = fsspec.filesystem("memory")
    for path in sorted(folder.iterdir()):
        system.pipe(f"/shelf/{path.name}", path.read_bytes())
    expected = [f"memory:///shelf/{number:04}.png" for number in range(2)]
    for given in ("memory://shelf", "memory://shelf/*.png"):
        assert [each.path for each in find_pictures([given])] == expected
    assert find_pictures([expected[0]])[0].size == (folder / "0000.png").stat().st_size
    assert np.array_equal(read_picture(expected[1]), read_image(folder / "0001.png"))
    with pytest.raises(InputError, match=r"memory://shelf/no\.png: cannot be read"):
        read_picture("memory://shelf/no.png")


def test_a_place_that_cannot_be_listed_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nosuch://bucket: cannot be listed: Protocol not known"):
        find_pictures(["nosuch://bucket"])
    with pytest.raises(InputError, match="no image there"):
        find_pictures([str(tmp_path)])
    with pytest.raises(InputError, match=r"expected a file, a folder"):
        find_pictures([])
