"""The main job, stage by stage: config -> model -> operated model -> ONNX -> bundle -> report."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from .config import Config
from .ledger import Ledger
from .loading import Model
from .parity import parity
from .rewrites.dcn.statistics import statistics
from .rewrites.operate import rewriting
from .rewrites.registry import REWRITES
from .running import Run, run_torch
from .sample import Sample, calibration_tensors
from .strategy import Strategy

CLOSE = 0.5  # pixels: contours that are closer than this look the same
KEEP = 0.9  # share of instances below which a strategy is not worth shipping


@dataclass(frozen=True)
class Patient:
    """What the stages share: the network, the picture and what the network makes of it.

    Attributes:
        untouched: the run of the network before anything was done to it.
        calibration: what the approximate rewrites need, by module path.
    """

    config: Config
    model: Model
    sample: Sample
    untouched: Run
    calibration: Mapping[str, object] = field(default_factory=dict)

    def operated(
        self, rewrites: Mapping[str, str], opset: int, ledger: Ledger | None = None
    ) -> AbstractContextManager[tuple[nn.Module, Ledger]]:
        """Operate on the network until the context is left."""
        return rewriting(
            self.model.module,
            rewrites,
            opset=opset,
            calibration=self.calibration,
            options={"max_kernel": self.config.surgery.dcn.max_kernel},
            ledger=ledger,
        )


def calibrate(config: Config, model: Model, names: set[str]) -> Mapping[str, object]:
    """Measure what the rewrites ``names`` need, if any of them needs it."""
    if "dcn.folded" not in names:
        return {}
    images = calibration_tensors(config.surgery.calibration, config.input.preprocess)
    return statistics(model.module, (torch.from_numpy(image) for image in images))


def compared(patient: Patient, strategy: Strategy, operated: Run) -> list[dict[str, Any]]:
    """A row per strategy: how far it takes the network from what it was, on the picture."""
    rows = [_row(patient, strategy.name, strategy.rewrites, operated, chosen=True)]
    for name in patient.config.surgery.compare:
        rewrites = {"*": f"dcn.{name}"}
        if rewrites == dict(strategy.rewrites):
            continue
        with patient.operated(rewrites, strategy.opset):
            rows.append(
                _row(patient, name, rewrites, run_torch(patient.model, patient.sample.tensor))
            )
    return rows


def _row(
    patient: Patient, name: str, rewrites: Mapping[str, str], run: Run, *, chosen: bool = False
) -> dict[str, Any]:
    untouched = patient.untouched
    found = parity(untouched.heads, untouched.instances, run.heads, run.instances)
    exact = all(REWRITES.get(rewrite).exact for rewrite in rewrites.values())
    return {"name": name, "exact": exact, "chosen": chosen, **found.to_json()}


def verdict(row: Mapping[str, Any], strategy: Strategy) -> dict[str, Any]:
    """Say in words whether the shipped strategy still finds what the untouched network finds."""
    found = row["instances"]
    total, share = found["reference"], found["matched"] / max(1, found["reference"])
    good = bool(found["matched"] == total == found["other"] and found["mean"] < CLOSE)
    chosen = f"dcn={strategy.name} ({strategy.reason})"
    if total == 0:
        text = f"{chosen}: the untouched network finds nothing here, so this picture proves nothing"
        return {"good": False, "text": f"{text}: try image=FILE"}
    text = f"{chosen} finds {found['matched']} of the {total} instances that the untouched network"
    text += f" finds, contours {found['mean']:.2g} px apart on average"
    advice = "do not ship it" if share < KEEP else "look before you ship it"
    return {"good": good, "text": f"{text}." if good else f"{text}: {advice}."}
