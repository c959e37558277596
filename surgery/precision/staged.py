"""A staged bundle in reduced precision, held against the one in float32; for both jobs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..job.bundle import Staging
from ..job.finish import Staged, run_bundle
from ..measure.parity import parity
from ..support.ledger import Ledger
from ..support.progress import Progress
from ..targets import Target
from ..targets.audit import Audit, audit
from .reduce import reduce_precision
from .trial import Trial


@dataclass(frozen=True)
class Reduced:
    """A bundle in reduced precision, staged.

    Attributes:
        audit: of its backbone.
        parity: figures on the run's picture, by title.
        verdict: the run's, with the precision's.
    """

    staged: Staged
    audit: Audit
    parity: Mapping[str, Any]
    verdict: Mapping[str, Any]


def reduce_staged(
    stage: Staging,
    trial: Trial,
    staged: Staged,
    verdict: Mapping[str, Any],
    target: Target,
    ledger: Ledger,
    progress: Progress,
) -> Reduced:
    """Stage the bundle anew in the trial's precision and run both in ONNX Runtime.

    Args:
        staged: the bundle in float32.
        verdict: on it.

    Raises:
        InputError: as :func:`~.reduce.reduce_precision`.
    """
    before = staged.stages
    reduction = reduce_precision(trial, staged.graphs, ledger, progress)
    audited = audit(reduction.graphs["backbone"], target)
    with progress.stage(f"run the {reduction.precision} bundle in ONNX Runtime"):
        made = run_bundle(
            stage, reduction.graphs, staged.description, before.image, trial.threads, ledger
        )
    after, rounding = made.stages, reduction.bound.rounding
    found = parity(before.heads, before.instances, after.heads, after.instances, rounding)
    title = f"ONNX Runtime in float32, in {reduction.precision}"
    judged = reduction.judged(verdict, found.beyond())
    return Reduced(made, audited, {title: found.to_json(bounded=True)}, judged)
