"""Parity of a run: what the surgery changed, and that the bundle computes what was exported."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from postprocess.stages import Stages

from ..measure.parity import Parity, parity, require
from ..network.run import Run
from .case import Case


def prove(case: Case, operated: Sequence[Run], stages: Stages) -> tuple[Parity, dict[str, Any]]:
    """Hold the bundle's run against the operated network, and that against the untouched one.

    Returns:
        Parity of the export, and both as report.json holds them.

    Raises:
        InputError: the bundle does not compute what the operated network computes.
    """
    before, after = case.untouched[0], operated[0]
    exported = parity(after.heads, after.instances, stages.heads, stages.instances)
    require(exported, case.config.surgery.exporter)
    changed = parity(before.heads, before.instances, after.heads, after.instances)
    return exported, {
        "torch original, torch operated": changed.to_json(),
        "torch operated, ONNX Runtime": exported.to_json(bounded=True),
    }
