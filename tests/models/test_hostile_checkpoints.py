"""Checkpoints that mean harm, through every door: nothing runs, and each is one line.

The techniques are those that fickling (Trail of Bits) lists and some of our own: globals of every
kind, BUILD, memo tricks, values left on the stack, pickles inside of pickles, numpy types that turn
bytes into pointers, tensors that promise more than their file holds.
"""

from __future__ import annotations

import io
import pickle
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from models.checkpoints import load_state
from models.checkpoints.ncnn import read_ncnn
from models.checkpoints.paddle import read_paddle
from models.errors import CheckpointError

MARK = "ran"  # what a pickle that runs makes, in the current folder
TOUCH = f"touch {MARK}"


def _unicode(text: str) -> bytes:
    data = text.encode()
    return b"X" + len(data).to_bytes(4, "little") + data


def _call(module: str, name: str, *arguments: str) -> bytes:
    """GLOBAL, a tuple of strings, REDUCE."""
    return f"c{module}\n{name}\n(".encode() + b"".join(map(_unicode, arguments)) + b"tR"


def _method(module: str, name: str, *arguments: str) -> bytes:
    """STACK_GLOBAL, as protocol 4 has it."""
    parts = b"".join(map(_unicode, arguments))
    return _unicode(module) + _unicode(name) + b"\x93(" + parts + b"tR"


PYTHON = f"open({MARK!r}, 'w').close()"
PAYLOADS = {
    "os.system": _call("os", "system", TOUCH),
    "posix.system": _call("posix", "system", TOUCH),
    "protocol 4": _method("os", "system", TOUCH),
    "dotted name": _method("os", "path.os.system", TOUCH),
    "subprocess": _call("subprocess", "getoutput", TOUCH),
    "eval": _call("builtins", "eval", PYTHON),
    "exec": _call("builtins", "exec", PYTHON),
    "__builtin__": _call("__builtin__", "exec", PYTHON),
    "runpy": _call("runpy", "_run_code", PYTHON, "{}"),
    "open": _call("io", "open", MARK, "w"),
    "mkdir": _call("os", "mkdir", MARK),
    "timeit": _call("timeit", "timeit", PYTHON, PYTHON),
    "pty": _call("pty", "spawn", "touch"),
    "hub": _call("torch.hub", "load", ".", "x"),
    "dynamo": _call("torch._dynamo.utils", "compile_times", TOUCH),
    "inner load": b"ctorch.storage\n_load_from_bytes\n(C\x04junktR",
    "inner pickle": b"c_pickle\nloads\n(C\x20"
    + (_call("os", "system", "x") + b"." * 20)[:32]
    + b"tR",
    "getattr": b"cbuiltins\ngetattr\n(cos\nsystem\n" + _unicode("__call__") + b"tR" + b"0N",
    "INST": f"(S'{TOUCH}'\nios\nsystem\n".encode(),
    "OBJ": b"(cos\nsystem\n" + _unicode(TOUCH) + b"o",
    "NEWOBJ": b"cos\nsystem\n(" + _unicode(TOUCH) + b"t\x81",
    "EXT1": b"\x82\x01",
    "persistent": b"Pos.system\n",
    "BUILD": b"ccollections\nOrderedDict\n)R}"
    + _unicode("__class__")
    + _call("os", "system", TOUCH)
    + b"sb",
    "memo": _unicode("os")
    + b"q\x01"
    + _unicode("system")
    + b"q\x020"
    + b"0h\x01h\x02\x93("
    + _unicode(TOUCH)
    + b"tR",
    "left on the stack": _call("os", "system", TOUCH) + b"0N",
    "partial": b"cfunctools\npartial\n(cos\nsystem\n" + _unicode(TOUCH) + b"tR)R",
    "codec": b"c_codecs\nencode\n(" + _unicode("x") + _unicode("../evil") + b"tR",
    "numpy.load": _call("numpy", "load", MARK),
    "numpy exec": _call("numpy.testing._private.utils", "runstring", PYTHON, "{}"),
}


def _plain(payload: bytes) -> bytes:
    """A pickled dict whose only value is what the payload makes."""
    return b"\x80\x04}" + _unicode("weight") + payload + b"s."


def _zipped(payload: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("net/data.pkl", _plain(payload).replace(b"\x80\x04", b"\x80\x02", 1))
        archive.writestr("net/version", "3\n")
        archive.writestr("net/byteorder", "little")
    return buffer.getvalue()


def _legacy(payload: bytes) -> bytes:
    head = (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})
    return b"".join(pickle.dumps(each, 2) for each in head) + _plain(payload) + pickle.dumps([], 2)


DOORS: dict[str, tuple[str, Callable[[bytes], bytes], Callable[[Path], Any]]] = {
    "zip": ("net.pth", _zipped, load_state),
    "legacy": ("net.pth", _legacy, load_state),
    "bare": ("net.pkl", _plain, load_state),
    "safetensors": ("net.safetensors", _plain, load_state),
    "paddle": ("net.pdparams", _plain, read_paddle),
}


def _refused(read: Callable[[Path], Any], path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        read(path)
    assert str(caught.value).isprintable()
    return str(caught.value)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("door", DOORS)
def test_hostile_pickles_run_nowhere(
    door: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file, wrap, read = DOORS[door]
    for payload in PAYLOADS.values():
        Path(file).write_bytes(wrap(payload))
        _refused(read, Path(file))
        assert not Path(MARK).exists()


def test_the_corpus_of_hostile_pickles_would_run_in_an_open_unpickler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the test above refuses something: most of its payloads work where nothing guards."""
    monkeypatch.chdir(tmp_path)
    ran = 0
    for name in ("os.system", "protocol 4", "dotted name", "eval", "INST", "OBJ", "memo", "BUILD"):
        with suppress(Exception):  # some end in an error, afterwards
            pickle.loads(_plain(PAYLOADS[name]))
        ran += Path(MARK).exists()
        Path(MARK).unlink(missing_ok=True)
    assert ran == 8


POINTERS = {
    "object array": b"ccollections\nOrderedDict\n(cnumpy\nndarray\n(K\x01\x85cnumpy\ndtype\n("
    + _unicode("O")
    + b"tRC\x08AAAAAAAAtRtR",
    "structured type that denies its objects": b"ccollections\nOrderedDict\n("
    b"cnumpy\nndarray\n(K\x01\x85cnumpy\ndtype\n("
    + _unicode("V8")
    + b"tR(K\x03"
    + _unicode("|")
    + b"N("
    + _unicode("a")
    + b"t}"
    + _unicode("a")
    + b"(cnumpy\ndtype\n("
    + _unicode("O")
    + b"tRK\x00tsK\x08K\x01K\x00tbC\x08AAAAAAAAtRtR",
}


@pytest.mark.parametrize("kind", POINTERS)
def test_numpy_types_turn_no_bytes_into_pointers(kind: str, tmp_path: Path) -> None:
    """In a process of its own: it was ended by SIGSEGV, at an address of the file's choice."""
    path = tmp_path / "net.pdparams"
    path.write_bytes(_plain(POINTERS[kind]))
    code = "import sys; from models.checkpoints.paddle import read_paddle; read_paddle(sys.argv[1])"
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True)
    assert done.returncode == 1
    assert "only numbers are allowed" in done.stderr


def test_a_far_place_in_the_memo_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "net.pdparams"
    path.write_bytes(b"\x80\x04}r" + (2**31).to_bytes(4, "little") + b".")
    assert "place 2147483648 of its memo" in _refused(read_paddle, path)


def _packed() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("net/data.pkl", pickle.dumps({}))
        archive.writestr("net/data/0", bytes(1 << 22))
    return buffer.getvalue()


def test_a_pth_that_unpacks_to_more_than_it_is_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.pth"
    path.write_bytes(_packed())
    assert "packed members" in _refused(load_state, path)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (torch.zeros(1, dtype=torch.float16).expand(2**40), "takes 2,199,023,255,552 bytes"),
        (torch.zeros(2, device="meta"), "on meta"),
        (torch.zeros(2, 2).to_sparse(), "sparse"),
        (torch.zeros(2, dtype=torch.complex64), "complex64"),
        (torch.quantize_per_tensor(torch.zeros(2), 0.1, 0, torch.qint8), "qint8"),
    ],
    ids=["expanded", "meta", "sparse", "complex", "quantised"],
)
@pytest.mark.parametrize("legacy", [False, True])
def test_tensors_that_are_no_plain_numbers_are_one_line(
    value: torch.Tensor, words: str, legacy: bool, tmp_path: Path
) -> None:
    path = tmp_path / "net.pth"
    torch.save({"w": value}, path, _use_new_zipfile_serialization=not legacy)
    assert re.search(
        f"{words}|not a readable PyTorch file|Python objects", _refused(load_state, path)
    )


def test_names_in_a_checkpoint_cannot_break_the_line(tmp_path: Path) -> None:
    from models.checkpoints import load_into

    path = tmp_path / "net.pth"
    torch.save({"a\nerror: \x1b[2Jgone": torch.zeros(1)}, path)
    message = _refused(lambda p: load_into(torch.nn.Linear(1, 1), load_state(p), p), path)
    assert r"a error: \x1b[2Jgone" in message


@pytest.mark.parametrize(
    "line",
    [
        "Convolution c 1 1 a b 0=4 1=3 6=-1",
        "Convolution c 1 1 a b 0=x 1=3 6=108",
        "Convolution c 1 1 a b 0=4 1=0 6=4",
        "Convolution c 1 1 a b 0=4 1=1099511627776 6=4",
        "Convolution c 0 0 0=4 1=3 6=108",
        "Convolution c -1 1 a b 0=4",
        "Convolution c 1 9 a b 0=4",
        "BatchNorm b 1 1 a b 0=0 1=nan",
    ],
)
def test_numbers_of_ncnn_that_count_nothing_are_one_line(line: str, tmp_path: Path) -> None:
    path = tmp_path / "net.param"
    conv = "Convolution first 1 1 image a 0=4 1=1 6=4\n" if line.startswith("Batch") else ""
    path.write_text(f"7767517\n1 1\nInput in 0 1 image\n{conv}{line}\n")
    (tmp_path / "net.bin").write_bytes(np.zeros(500, np.float32).tobytes())
    _refused(read_ncnn, path)
