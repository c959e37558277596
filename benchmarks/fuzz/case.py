"""One case in a child process: what came of it, what it took, and what it touched.

A hook on Python's audit events sees what a loader must never do, whoever's code does it: start a
process, open a socket, write, move or remove a file outside of the case's folder.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import sys
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any

from .loaders import LOADERS, SELFTEST, Loader

ROOM = 2 << 30  # bytes of address space beyond what the imports took
FORBIDDEN = re.compile(
    r"os\.(system|exec|spawn|posix_spawn|fork|forkpty|startfile|kill)|subprocess\.|socket\."
    r"|os\.(remove|rename|rmdir|mkdir|chmod|chown|link|symlink|truncate|putenv)|shutil\.|ctypes\.dl"
    r"|webbrowser|urllib\.Request|ftplib|smtplib|pty\.spawn"
)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


def loader_of(name: str) -> Loader:
    """The loader of a name; "selftest" is one that has every fault."""
    return SELFTEST if name == "selftest" else LOADERS[name]


class Watch:
    """Collects forbidden events while ``on``; ``folder`` is where a loader may write."""

    def __init__(self) -> None:
        self.on, self.seen = False, list[str]()
        sys.addaudithook(self._event)

    def _event(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event == "open":
            path, _, flags = arguments
            writes = isinstance(flags, int) and flags & _WRITING
            if writes and str(path) != os.devnull:
                self.seen.append(f"open {path!r} for writing")
        elif FORBIDDEN.match(event):
            self.seen.append(f"{event} {arguments!r}"[:100])


def peak() -> int:
    """Most memory that the process held since :func:`forget`, bytes."""
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith("VmHWM"))


def forget() -> None:
    """Let :func:`peak` begin anew."""
    with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")


def write(loader: Loader, seed: str, folder: Path) -> None:
    """Write a case's files: the same ones for a seed."""
    source = folder.parent / "seeds"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(source, folder)
    loader.mutate(Random(seed), folder)


def read(loader: Loader, folder: Path) -> tuple[str, str]:
    """(outcome, words): "ok", "refused" with its line, or "traceback" with the last lines of it."""
    from models.errors import ModelError
    from postprocess.errors import InputError

    try:
        loader.load(folder)
    except (InputError, ModelError) as error:
        line = str(error)
        good = line and line.isprintable()
        return ("refused", line) if good else ("traceback", f"not one printable line: {line!r}")
    except BaseException:
        return "traceback", "".join(traceback.format_exc().splitlines(keepends=True)[-12:])
    return "ok", ""


def run(sender: Connection, name: str, seed: int, first: int, last: int, place: str) -> None:
    """Run the cases ``first`` to ``last`` and send (number, outcome, words, bytes, touched)."""
    loader, folder = loader_of(name), Path(place)
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    seeds = folder / "seeds"
    if not seeds.is_dir():
        seeds.mkdir(parents=True)
        loader.seeds(seeds)
    case = folder / "case"
    shutil.rmtree(case, ignore_errors=True)
    shutil.copytree(seeds, case)
    outcome = read(loader, case)  # everything is imported, and the memory of that is no case's
    if outcome[0] != "ok":
        raise RuntimeError(f"{name}: its seeds are not read: {outcome[1]}")
    with open("/proc/self/statm", encoding="ascii") as file:
        taken = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + ROOM, taken + ROOM))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    watch = Watch()
    for number in range(first, last):
        sender.send((number, "begun", "", 0, []))
        write(loader, f"{seed}:{name}:{number}", case)
        before = sorted(path.relative_to(case) for path in case.rglob("*"))
        forget()
        held = peak()
        watch.on, watch.seen = True, []
        outcome, words = read(loader, case)
        watch.on = False
        taken = max(0, peak() - held)
        if sorted(path.relative_to(case) for path in case.rglob("*")) != before:
            watch.seen.append("files beside the case's")
        sender.send((number, outcome, words, taken, watch.seen))
    sender.close()
