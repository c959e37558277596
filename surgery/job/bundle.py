"""Write a bundle: everything is staged beside its place and moved there in one step.

Until :meth:`Staging.publish` returns, the folder ``out`` is what it was before, also when the run
fails or is killed; what a killed run leaves behind is one hidden sibling folder, which the next
run to the same place removes. Other people's files are never deleted: a folder that is not
a bundle is refused, and files that somebody added to a bundle move along to the new one.
"""

from __future__ import annotations

import ctypes
import glob
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from postprocess.bundle import SCHEMA_VERSION, sha256
from postprocess.errors import InputError, unwritable

if sys.platform != "win32":
    import fcntl

MANIFEST = "bundle.json"
VARYING = ("report.html", "report.json")  # files that hold times of the run
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


def _listed(folder: Path) -> set[str]:
    """Names of the files that belong to the bundle in ``folder``."""
    try:
        files = json.loads((folder / MANIFEST).read_text())["files"]
        return {MANIFEST, *map(str, files)}
    except (OSError, ValueError, KeyError, TypeError):
        return {MANIFEST}


def check_place(out: Path) -> None:
    """Refuse a place that cannot take a bundle, before any work is done for it.

    Raises:
        InputError: ``out`` is a file, holds something else than a bundle, or cannot be written.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"out={out} is a file: name a folder")
    try:
        if out.is_dir() and any(out.iterdir()) and not (out / MANIFEST).is_file():
            raise InputError(f"out={out} holds files but no bundle: name an empty or a new folder")
        out.absolute().parent.mkdir(parents=True, exist_ok=True)
        probe = _sibling(out, "probe")
        probe.mkdir(exist_ok=True)
        with suppress(FileNotFoundError):  # another run that looks at the place was first
            probe.rmdir()
    except OSError as error:
        raise InputError(f"out={out} cannot be written: {error.strerror or error}") from error


def _sibling(out: Path, purpose: str) -> Path:
    return out.absolute().parent / f".{out.absolute().name}.{purpose}"


def _exchange(a: Path, b: Path) -> bool:
    """Swap two paths in one step where the kernel can (Linux: renameat2)."""
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    names = os.fsencode(a), os.fsencode(b)
    return bool(renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0)


class Staging:
    """A bundle being written: fill ``folder``, :meth:`write`, :meth:`publish`."""

    def __init__(self, folder: Path, out: Path) -> None:
        self.folder = folder
        self.out = out

    def write(self, manifest: Mapping[str, Any]) -> None:
        """Write bundle.json with the hash of every staged file; a later call writes it anew.

        ``varies`` names the files that hold times: they, and their hashes, differ from run to run.
        """
        files = sorted(path for path in self.folder.iterdir() if path.name != MANIFEST)
        hashes = {path.name: sha256(path) for path in files}
        varies = [name for name in hashes if name in VARYING]
        content = {"schema": SCHEMA_VERSION, **manifest, "varies": varies, "files": hashes}
        text = json.dumps(content, indent=1, allow_nan=False)
        (self.folder / MANIFEST).write_text(text + "\n", encoding="utf-8")

    def publish(self) -> None:
        """Move the folder into place: from here on ``out`` is the new bundle."""
        if not self.out.exists():
            self.folder.rename(self.out)
            return
        self._carry_over()
        if not _exchange(self.folder, self.out):
            old = _sibling(self.out, "old")
            self.out.rename(old)
            self.folder.rename(self.out)
            shutil.rmtree(old)

    def _carry_over(self) -> None:
        """Copy what somebody else put into the old bundle, so that nothing is lost."""
        own = _listed(self.out)
        for path in self.out.rglob("*"):
            name = path.relative_to(self.out)
            if path.is_file() and name.as_posix() not in own and not (self.folder / name).exists():
                (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, self.folder / name)


def _remove_leftovers(out: Path) -> None:
    """Remove what killed runs to the same place left.

    Raises:
        InputError: a living run is writing there.
    """
    for path in out.absolute().parent.glob(f"{glob.escape(_sibling(out, 'partial-').name)}*"):
        if _is_written(path):
            process = path.name.rpartition("-")[2]
            raise InputError(
                f"out={out} is being written by another run (process {process}): wait for its end, "
                "or name another folder"
            )
        shutil.rmtree(path, ignore_errors=True)


def _is_written(folder: Path) -> bool:
    """Whether a living process holds the lock of a staging folder."""
    try:
        with locked(folder, wait=False):
            return False
    except BlockingIOError:
        return True
    except FileNotFoundError:  # published or removed meanwhile
        return False


@contextmanager
def locked(folder: Path, *, wait: bool) -> Iterator[None]:
    """Hold the lock of a folder; the kernel gives it back when the process ends.

    Where the system or the file system has no such locks the body runs without one.

    Raises:
        BlockingIOError: another holds it, and ``wait`` is false.
    """
    if sys.platform == "win32":
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise
        except OSError:  # a network file system
            pass
        yield
    finally:
        os.close(handle)


@contextmanager
def staging(out: Path) -> Iterator[Staging]:
    """Yield a :class:`Staging` for ``out``; its folder is gone afterwards, whatever happens.

    Raises:
        InputError: ``out`` cannot be written, another run is writing there, or the disk is full.
    """
    check_place(out)
    folder = _sibling(out, f"partial-{os.getpid()}")
    with ExitStack() as held:
        with locked(folder.parent, wait=True):  # so that of two runs one is the first
            _remove_leftovers(out)
            folder.mkdir()
            held.enter_context(locked(folder, wait=False))
        try:
            yield Staging(folder, out)
        except OSError as error:
            if cause := unwritable(error):
                raise InputError(f"out={out} cannot be written: {cause}") from error
            raise
        finally:
            shutil.rmtree(folder, ignore_errors=True)
