"""What a worker does: a session of its own, and one part after another."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2

from postprocess.bundle import sha256
from postprocess.errors import InputError, unwritable
from postprocess.runtime import Runtime, load

from .inputs import read_picture
from .parts import Part, digest, errors_of, write_part
from .rows import Row, encoded

LAYOUT = 1  # of the rows; another one makes other parts


@dataclass(frozen=True)
class Work:
    """What all workers of a run share.

    Attributes:
        bundle: its folder.
        model: sha256 of its bundle.json, which lists those of its files.
        decoder: parameters other than the bundle's.
        fields: see :func:`.rows.instance_fields`.
        form: of the parts, "parquet" or "jsonl".
        out: the folder of the parts.
        threads: of a session.
    """

    bundle: str
    model: str
    decoder: Mapping[str, Any]
    fields: tuple[str, ...]
    form: str
    out: str
    threads: int

    @property
    def key(self) -> str:
        """A hash of what changes a result; threads and workers do not."""
        return digest([LAYOUT, self.model, dict(self.decoder)])[:12]

    def open(self) -> Runtime:
        """The bundle in a session with pinned threads; the driver has checked its files."""
        cv2.setNumThreads(self.threads)
        if sha256(Path(self.bundle) / "bundle.json") != self.model:
            raise InputError(f"{self.bundle}: not the bundle that the run began with")
        return load(self.bundle, threads=self.threads, verify=False, decoder=self.decoder)


@dataclass(frozen=True)
class Done:
    """What became of a part.

    Attributes:
        part: its name.
        pictures: that it was made of.
        errors: of them that could not be read.
        begun: when its first picture was read, seconds since the epoch.
        failed: why the part was not written; empty where it was.
    """

    part: str
    pictures: int
    errors: int
    begun: float
    failed: str = ""


def do_part(runtime: Runtime, part: Part, work: Work) -> Done:
    """Run on the pictures of a part and write it, unless it is there already.

    Raises:
        OSError: it cannot be written.
    """
    begun, out = time.time(), Path(work.out)
    if (out / part.name).exists():  # by a worker that died before it could say so
        errors = errors_of(out, part.name)
        count = len(errors.read_bytes().splitlines()) if errors.exists() else 0
        return Done(part.name, len(part.paths), count, begun)
    rows: list[Row] = []
    problems: list[dict[str, str]] = []
    for path in part.paths:
        try:
            rows.append(_row(runtime, path, work.model))
        except (InputError, cv2.error, MemoryError) as error:
            text = " ".join(str(error).split()) or type(error).__name__
            problems.append({"image": path, "error": text.removeprefix(f"{path}: ")})
    write_part(out, part.name, encoded(rows, work.fields, work.form), problems)
    return Done(part.name, len(part.paths), len(problems), begun)


def _row(runtime: Runtime, path: str, model: str) -> Row:
    try:
        path.encode()
    except UnicodeEncodeError:
        raise InputError("expected a name in UTF-8") from None
    result = runtime(read_picture(path))
    height, width = result.size
    row = result.to_json(path)
    sizes = {"width": width, "height": height}
    return {"image": path, **sizes, "instances": row["instances"], "model": model}


class Worker:
    """The callable class that Ray Data makes one of in each worker process."""

    def __init__(self, work: Work) -> None:
        os.environ["OMP_NUM_THREADS"] = str(work.threads)
        self.work = work
        self.runtime = work.open()

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, list[Any]]:
        """Do the parts of a batch, each as JSON in the column ``part``."""
        done = [asdict(self._one(json.loads(text))) for text in batch["part"]]
        return {name: [each[name] for each in done] for name in done[0]}

    def _one(self, part: Mapping[str, Any]) -> Done:
        given = Part(part["name"], tuple(part["paths"]))
        try:
            return do_part(self.runtime, given, self.work)
        except OSError as error:  # of the part itself: what a picture raises is an InputError
            cause = unwritable(error) or f"{type(error).__name__}: {error}"
            return Done(given.name, len(given.paths), 0, time.time(), cause)
