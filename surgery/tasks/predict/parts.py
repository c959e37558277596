"""The blocks of a run and their files in ``out``, each named by what it is made of.

A part's name is ``part-KEY-INPUTS.parquet``: KEY is a hash of the bundle and of the settings that
change a result, INPUTS one of the paths, sizes and times of its pictures. A part is written aside
and renamed, so that it is there whole or not at all, and who wrote it, how often and when makes no
difference. Its pictures that could not be read are lines of ``errors/part-KEY-INPUTS.jsonl``, which
is there before the part is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from postprocess.errors import InputError
from postprocess.images import write_atomically

from .inputs import Picture

ERRORS = "errors.jsonl"
_ERRORS_OF_PARTS = "errors"


@dataclass(frozen=True)
class Part:
    """A block of pictures.

    Attributes:
        name: of its file.
        paths: of its pictures, in order.
    """

    name: str
    paths: tuple[str, ...]


def digest(value: Any) -> str:
    """Hex sha256 of a value of JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def plan(pictures: Sequence[Picture], block: int, key: str, form: str) -> list[Part]:
    """Cut the pictures into parts of ``block`` each.

    Args:
        key: of the bundle and the settings.
        form: suffix of the files.
    """
    blocks = [pictures[first : first + block] for first in range(0, len(pictures), block)]
    return [
        Part(f"part-{key}-{digest(block)[:16]}.{form}", tuple(each.path for each in block))
        for block in blocks
    ]


@dataclass(frozen=True)
class Folder:
    """``out``, as one run sees it.

    Attributes:
        key: of the bundle and the settings.
        form: suffix of the parts.
    """

    path: Path
    key: str
    form: str

    def missing(self, parts: Sequence[Part], *, replace: bool) -> list[Part]:
        """The parts that are still to be written, after a look at what is there.

        Args:
            replace: remove parts of other pictures.

        Raises:
            InputError: the folder holds parts of another bundle or format, or, without
                ``replace``, of other pictures: the table would not be that of one run.
        """
        there = {path.name for path in self.path.glob("part-*")}
        mine = {name for name in there if self._is_mine(name)}
        if others := sorted(there - mine):
            raise InputError(
                f"out={self.path} holds {len(others)} parts of another bundle, threshold or format "
                f"({others[0]}): name another folder, or empty this one"
            )
        stale = mine - {part.name for part in parts}
        if stale and not replace:
            raise InputError(
                f"out={self.path} holds {len(stale)} parts of other pictures, of changed ones or "
                "of another block=: name another folder, or remove them with replace=true"
            )
        for name in stale:
            (self.path / name).unlink()
            errors_of(self.path, name).unlink(missing_ok=True)
        self._remove_leftovers()
        return [part for part in parts if part.name not in there]

    def gather_errors(self, parts: Sequence[Part]) -> int:
        """Write errors.jsonl from the errors of the parts that are there; how many they are."""
        folder = self.path / _ERRORS_OF_PARTS
        known = {path.stem for path in folder.glob("part-*.jsonl")} if folder.is_dir() else set()
        lines: list[bytes] = []
        for part in parts:
            if Path(part.name).stem in known and (self.path / part.name).exists():
                lines += errors_of(self.path, part.name).read_bytes().splitlines(keepends=True)
        if lines or (self.path / ERRORS).exists():
            write_atomically(self.path / ERRORS, b"".join(lines))
        return len(lines)

    def _is_mine(self, name: str) -> bool:
        return name.startswith(f"part-{self.key}-") and name.endswith(f".{self.form}")

    def _remove_leftovers(self) -> None:
        """Remove what killed runs were writing aside."""
        for pattern in (".part-*", f"{_ERRORS_OF_PARTS}/.part-*"):
            for path in self.path.glob(pattern):
                path.unlink(missing_ok=True)


def errors_of(out: Path, part: str) -> Path:
    """The file of a part's errors."""
    return out / _ERRORS_OF_PARTS / f"{Path(part).stem}.jsonl"


def write_part(out: Path, part: str, data: bytes, errors: Sequence[dict[str, str]]) -> None:
    """Write a part's errors, then the part itself: its being there says that it is done.

    Raises:
        OSError: the disk is full, for one.
    """
    path = errors_of(out, part)
    if errors:
        path.parent.mkdir(exist_ok=True)
        text = "".join(json.dumps(each) + "\n" for each in errors)
        write_atomically(path, text.encode())
    else:
        path.unlink(missing_ok=True)
    write_atomically(out / part, data)
