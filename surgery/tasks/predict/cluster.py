"""Ray: a cluster of its own on this machine for the time of a run, or one that is there.

Ray Data gives the parts to a pool of workers, replaces a worker that dies and gives its parts to
another. Nothing depends on what it remembers (its checkpoints lose and repeat rows when a worker
dies at the wrong moment: ray-project/ray #55008, #60983, #65891): parts say themselves that they
are done.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stderr
from dataclasses import asdict
from typing import Any

from postprocess.errors import InputError

from ...support.quiet import silent
from .parts import Part
from .worker import Done, Work, Worker

RETRIES = 3
"""How often a part is tried again whose worker died."""
BLOCKS = 10_000
"""Most pieces that Ray Data shall keep book of; with more parts, several make a piece."""
STORE = 128 * 2**20  # bytes of Ray's object store: only names of files pass through it


def require_ray() -> None:
    """Refuse to go on where Ray or PyArrow is missing.

    Raises:
        InputError: with the command that installs them.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import pyarrow.parquet  # noqa: F401
        import ray.data  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"task=predict needs Ray Data and PyArrow ({error}): "
            "pip install 'model-surgery[predict]', or make predict"
        ) from None


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def started(address: str | None, workers: int | None, threads: int) -> Iterator[int]:
    """Yield the number of workers, with Ray at hand.

    Args:
        address: of a cluster; None starts Ray on this machine and ends it afterwards.
        workers: as many as asked for; None: one for each ``threads`` cores.
        threads: of a worker.

    Raises:
        InputError: no cluster answers at ``address``, or it has too few cores.
    """
    import ray

    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    with ExitStack() as held:
        held.enter_context(silent())
        logging.disable(logging.ERROR)  # silent() puts it back
        held.enter_context(_native_apart())
        if address is None:
            folder = tempfile.mkdtemp(prefix="surgery-ray-")
            held.callback(shutil.rmtree, folder, ignore_errors=True)
            held.callback(ray.shutdown)
            workers = workers or max(1, cores() // threads)
            ray.init(
                "local",
                num_cpus=max(cores(), workers * threads),
                include_dashboard=False,
                object_store_memory=STORE,
                _temp_dir=folder,
                **quiet,
            )
        else:
            held.callback(ray.shutdown)
            try:
                ray.init(address, **quiet)
            except (ConnectionError, ValueError, RuntimeError) as error:
                cause = " ".join(str(error).split())[:200]
                raise InputError(
                    f"ray.address={address}: no cluster answers ({cause}): is it up, and is "
                    "RAY_AUTH_TOKEN the cluster's, where it asks for one?"
                ) from None
            there = int(ray.cluster_resources().get("CPU", 0))
            workers = workers or max(1, there // threads)
            if workers * threads > there:
                raise InputError(
                    f"workers={workers} times threads={threads}: the cluster has {there} cores"
                )
        yield workers


@contextmanager
def _native_apart() -> Iterator[None]:
    """Point file descriptor 2 at nothing, and Python's standard error at where it led.

    Ray's native code writes its log there; what it has to say of a worker's death is no news.
    """
    try:
        if sys.stderr.fileno() != 2:
            raise OSError
        original = os.dup(2)
    except (AttributeError, OSError):  # no standard error, or one that a test has put there
        yield
        return
    sys.stderr.flush()
    with open(os.devnull, "w") as nothing:
        os.dup2(nothing.fileno(), 2)
    shown = os.fdopen(
        os.dup(original), "w", encoding=sys.stderr.encoding, errors="backslashreplace"
    )
    try:
        with shown, redirect_stderr(shown):
            yield
    finally:
        os.dup2(original, 2)
        os.close(original)


def done_by(work: Work, parts: Sequence[Part], workers: int) -> Iterator[Done]:
    """Yield each part as a worker has done it, in no order; one whose workers died is left out."""
    import ray.data

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.max_errored_blocks = -1
    pool = ray.data.ActorPoolStrategy(size=min(workers, len(parts)))
    items = [{"part": json.dumps(asdict(part))} for part in parts]
    dataset = ray.data.from_items(items, override_num_blocks=min(len(items), BLOCKS))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # max_task_retries has no other name before Ray 2.64
        dataset = dataset.map_batches(
            Worker,
            fn_constructor_args=(work,),
            batch_size=1,
            compute=pool,
            num_cpus=work.threads,
            max_task_retries=RETRIES,
        )
    for row in dataset.iter_rows():
        yield Done(**row)
