"""``task=predict``: run a bundle over many pictures, on every core or on a cluster, exactly once.

    python -m surgery task=predict bundle=DIR images=GLOB out=DIR ray.address=HOST:PORT

The inputs are split into blocks; each block becomes one file of ``out``, named by a hash of what it
holds, written aside and renamed (:mod:`.parts`). What is there is done: a run that was killed goes
on where it stopped. Ray Data gives the blocks to workers (:mod:`.cluster`), each with an ONNX
Runtime session of its own (:mod:`.worker`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from postprocess.bundle import sha256
from postprocess.errors import InputError, unwritable
from postprocess.runtime import Runtime, load

from ...config.run import Config
from ...job.bundle import locked
from .cluster import RETRIES, done_by, require_ray, started
from .inputs import find_pictures
from .parts import ERRORS, Folder, Part, plan
from .progress import Progress
from .rows import instance_fields
from .settings import PredictSettings
from .worker import Work


def run(config: Config) -> None:
    """Write what the bundle finds in every picture into ``out``.

    Raises:
        InputError: a setting is missing, Ray is not installed, no picture is there, ``out`` holds
            other parts or cannot be written, or workers died over and over on one block.
    """
    settings = PredictSettings.read(dict(config.extra), "")
    if config.bundle is None:
        raise InputError("task=predict needs bundle=DIR, a folder that task=export wrote")
    if settings.images is None:
        raise InputError("task=predict needs images=..., a file, a folder, a pattern or a list")
    if config.out_given is None:
        raise InputError("task=predict needs out=DIR, the folder to write to")
    if re.match(r"\w\w+:/", str(config.out_given)):
        raise InputError(f"out={config.out_given}: expected a folder that every worker reaches")
    require_ray()
    runtime = load(config.bundle, threads=config.threads or 1, decoder=settings.decoder())
    work = work_of(config.bundle, runtime, config.out_given, settings, config.threads or 1)
    pictures = find_pictures(settings.images)
    parts = plan(pictures, settings.block, work.key, settings.format)
    try:
        config.out_given.mkdir(parents=True, exist_ok=True)
        with locked(config.out_given, wait=False):
            print(_predict(work, parts, settings))
    except BlockingIOError:
        raise InputError(
            f"out={config.out_given} is being written by another run: wait for its end, or name "
            "another folder"
        ) from None
    except OSError as error:
        if cause := unwritable(error):
            raise InputError(f"out={config.out_given} cannot be written: {cause}") from error
        raise


def work_of(
    bundle: Path, runtime: Runtime, out: Path, settings: PredictSettings, threads: int
) -> Work:
    """What workers need to know; the bundle is run once.

    Paths are absolute, since workers have a working directory of their own.
    """
    return Work(
        bundle=str(bundle.absolute()),
        model=sha256(bundle / "bundle.json"),
        decoder=settings.decoder(),
        fields=instance_fields(runtime),
        form=settings.format,
        out=str(out.absolute()),
        threads=threads,
    )


def _predict(work: Work, parts: Sequence[Part], settings: PredictSettings) -> str:
    """Do what is missing; a sentence for people."""
    folder = Folder(Path(work.out), work.key, work.form)
    missing = folder.missing(parts, replace=settings.replace)
    total, left = (sum(len(part.paths) for part in each) for each in (parts, missing))
    progress = Progress(total, total - left)
    if missing:
        try:
            _work_off(work, missing, settings, progress)
        finally:
            progress.clear()
            folder.gather_errors(parts)
    errors = folder.gather_errors(parts)
    done = f", {left:,} of them now, {progress.rate():,.1f} a second" if missing else ", all before"
    unread = f"; {errors:,} could not be read: {folder.path / ERRORS}" if errors else ""
    return f"{total:,} pictures in {len(parts):,} parts in {folder.path}{done}{unread}"


def _work_off(
    work: Work, missing: Sequence[Part], settings: PredictSettings, progress: Progress
) -> None:
    with started(settings.ray.address, settings.workers, work.threads) as workers:
        for done in done_by(work, missing, workers):
            if done.failed:
                raise InputError(f"{Path(work.out) / done.part} cannot be written: {done.failed}")
            progress.add(done)
    lost = [part for part in missing if not (Path(work.out) / part.name).exists()]
    if lost:
        raise InputError(
            f"{len(lost)} of {len(missing)} parts were not written: workers died {RETRIES + 1} "
            f"times on each, the first from {lost[0].paths[0]} to {lost[0].paths[-1]}: a picture "
            "that crashes or fills the memory; run again with block=1 and another out to find it"
        )
