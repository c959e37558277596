"""The patient of the main job: a network, pictures, and what has to be known before it is cut."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from ..config.run import Config
from ..network.load import Model, load_model
from ..network.pictures import Sample, load_samples
from ..network.run import Run, run_torch
from ..rewrites.dcn import DeformLayer, describe
from ..rewrites.operate import rewriting
from ..support.ledger import Ledger
from ..support.progress import Progress


@dataclass(frozen=True)
class Patient:
    """What the stages share: the network, the pictures and what the network makes of them.

    Attributes:
        samples: pictures; the first is the one that goes into the bundle.
        untouched: runs of the network before anything was done to it, one a picture.
        measured: what the approximate rewrites look at, by module path.
        fitted: new weights by module path; fit_summary: figures of that fit.
        alternatives: rewrites by module path pattern, of the strategies to compare with.
        points: networks that a search measured, as report.json holds them.
    """

    config: Config
    model: Model
    samples: Sequence[Sample]
    untouched: Sequence[Run]
    measured: Mapping[str, object] = field(default_factory=dict)
    fitted: Mapping[str, object] = field(default_factory=dict)
    fit_summary: Mapping[str, float] = field(default_factory=dict)
    alternatives: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    points: Sequence[Mapping[str, Any]] = ()

    @property
    def layers(self) -> list[str]:
        """Paths of the deformable layers."""
        found = self.model.module.named_modules()
        return [path for path, module in found if isinstance(describe(module), DeformLayer)]

    @contextmanager
    def operated(
        self, rewrites: Mapping[str, str], opset: int, ledger: Ledger | None = None
    ) -> Iterator[tuple[nn.Module, Ledger]]:
        """Operate on the network, with ``surgery.rewrites`` first, until the context is left."""
        ledger = Ledger() if ledger is None else ledger
        fitted = {path: value for path, value in self.fitted.items() if path in rewrites}
        known = {**self.measured, **fitted}
        options = self.config.surgery.dcn.options()
        exporter, target = self.config.surgery.exporter, str(self.config.target["name"])
        with ExitStack() as stack:
            network = self.model.module
            if self.config.surgery.rewrites:
                further = rewriting(
                    network,
                    self.config.surgery.rewrites,
                    opset=opset,
                    calibration=known,
                    exporter=exporter,
                    target=target,
                    ledger=ledger,
                )
                network, _ = stack.enter_context(further)
            if rewrites:
                network, _ = stack.enter_context(
                    rewriting(
                        network,
                        rewrites,
                        opset=opset,
                        calibration=known,
                        options=options,
                        exporter=exporter,
                        target=target,
                        ledger=ledger,
                    )
                )
            yield network, ledger


def admit(config: Config, progress: Progress) -> Patient:
    """Load the network and the pictures, and take down how they are before the operation.

    Raises:
        InputError: the configuration, the checkpoint or a picture is at fault.
    """
    with progress.stage(f"build {config.model.get('variant')} and load its weights"):
        model = load_model(config)
        samples = load_samples(config)
    number = "1 picture" if len(samples) == 1 else f"{len(samples)} pictures"
    with progress.stage(f"run the untouched network on {number}"):
        untouched = [run_torch(model, sample.tensor) for sample in samples]
    return Patient(config, model, samples, untouched)
