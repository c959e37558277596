"""Files of strangers at the run time's doors: bombs, damage, and names that mean to be more."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from postprocess.boxes import BoxFile
from postprocess.errors import InputError
from postprocess.stages import read_arrays

ZEROS = 64 << 20


def _refused(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_arrays(path)
    assert str(caught.value).isprintable()
    return str(caught.value)


def _npy(header: str) -> bytes:
    data = header.encode("latin1") + b"\n"
    return b"\x93NUMPY\x01\x00" + len(data).to_bytes(2, "little") + data


def _npz(path: Path, name: str, data: bytes, packed: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", packed) as archive:
        archive.writestr(name, data)
    return path


def test_arrays_come_back_as_numpy_writes_them(tmp_path: Path) -> None:
    arrays = {
        "a": np.arange(6, dtype=np.float32).reshape(2, 3),
        "b": np.asfortranarray(np.arange(6).reshape(2, 3)),
        "c": np.array(3, ">i2"),
        "empty": np.zeros((0, 4), np.uint8),
        "flag": np.array([True, False]),
    }
    np.savez(tmp_path / "x.npz", **arrays)
    found = read_arrays(tmp_path / "x.npz")
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
        "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,",
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<U9999999', 'fortran_order': False, 'shape': ()}",
        "__import__('os').system('touch ran')",
    ],
)
def test_headers_that_promise_other_than_the_file_holds_are_one_line(
    header: str, tmp_path: Path
) -> None:
    assert "x.npz" in _refused(_npz(tmp_path / "x.npz", "a.npy", _npy(header) + bytes(8)))


def test_an_archive_of_many_zeros_is_refused_before_it_unpacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("postprocess.stages.MOST_UNPACKED", ZEROS // 2)
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({ZEROS},)}}"
    path = _npz(tmp_path / "x.npz", "a.npy", _npy(header) + bytes(ZEROS))
    assert "that unpack to" in _refused(path)


def test_members_that_are_damaged_are_one_line(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "x.npz", a=np.random.default_rng(0).normal(size=500))
    good = (tmp_path / "x.npz").read_bytes()
    for at in range(30, len(good), 97):
        (tmp_path / "x.npz").write_bytes(good[:at] + bytes([good[at] ^ 0x55]) + good[at + 1 :])
        with suppress(InputError):  # no other error
            read_arrays(tmp_path / "x.npz")


def test_a_member_that_is_no_array_is_one_line(tmp_path: Path) -> None:
    _refused(_npz(tmp_path / "x.npz", "a.npy", b"text"))


@pytest.mark.parametrize("text", ["1" + "0" * 400, "[" * 100_000, '{"bbox": ' * 100_000])
def test_boxes_of_odd_numbers_and_depths_are_one_line(text: str, tmp_path: Path) -> None:
    path = tmp_path / "boxes.json"
    path.write_text(f'[{{"image_id": 1, "bbox": [{text}, 1, 1, 1]}}]')
    with pytest.raises(InputError):
        BoxFile(path)


def test_a_small_file_is_read_where_memory_is_short(tmp_path: Path) -> None:
    """read(most + 1) set aside 2 GiB for every file: a MemoryError under a limit."""
    path = tmp_path / "small.json"
    path.write_text("{}")
    code = (
        "import resource, sys; from postprocess.reading import read_bytes;"
        "resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30));"
        "print(read_bytes(sys.argv[1]))"
    )
    given = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(given, capture_output=True, text=True, env={"OPENBLAS_NUM_THREADS": "1"})
    assert done.stdout.strip() == "b'{}'", done.stderr[-500:]


def test_a_name_cannot_break_the_line_of_a_refusal() -> None:
    assert str(InputError("a\nb\x1b[2J\u202ec\udcff")) == r"a b\x1b[2J\u202ec\udcff"


def test_numbers_beyond_float_are_one_line() -> None:
    from postprocess.decoders.base import DECODERS
    from postprocess.fields import Field

    with pytest.raises(InputError, match="a finite number"):
        Field(10**400, "bundle.json", "std").number()
    with pytest.raises(InputError):
        DECODERS.get("ctdet")(heatmap="hm", size="wh", threshold=10**400)
