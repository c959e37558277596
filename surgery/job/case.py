"""The case of the main job: a network, pictures, and its runs on them before any change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from ..config.run import Config
from ..decoding import require_writer
from ..network.load import Model, load_model
from ..network.pictures import Sample, load_samples
from ..network.run import Run, run_torch
from ..rewrites.dcn import DeformLayer, describe, expose
from ..support.progress import Progress


@dataclass(frozen=True)
class Case:
    """What all stages share; none of them changes it.

    Attributes:
        samples: pictures; the first is the one that goes into the bundle.
        untouched: runs of the network before anything was done to it, one a picture.
    """

    config: Config
    model: Model
    samples: Sequence[Sample]
    untouched: Sequence[Run]

    @property
    def layers(self) -> list[str]:
        """Paths of the deformable layers."""
        found = self.model.module.named_modules()
        return [path for path, module in found if isinstance(describe(module), DeformLayer)]


def load_case(config: Config, progress: Progress) -> Case:
    """Load the network and the pictures, and run the untouched network on each of them.

    Sets the number of torch's threads where the configuration names one.

    Raises:
        InputError: the configuration, the checkpoint or a picture is at fault.
    """
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    with progress.stage(f"build {config.model.get('variant')} and load its weights"):
        model = load_model(config)
        samples = load_samples(config)
    number = "1 picture" if len(samples) == 1 else f"{len(samples)} pictures"
    with progress.stage(f"run the untouched network on {number}"):
        model, first = _exposed(model, samples[0], config.surgery.dcn.replace)
        untouched = [first, *(run_torch(model, sample.tensor) for sample in samples[1:])]
    if config.surgery.decode == "inside":
        require_writer(str(model.decoder["name"]))
    return Case(config, model, samples, untouched)


def _exposed(model: Model, sample: Sample, wholes: Sequence[str]) -> tuple[Model, Run]:
    """Run the network on one picture; deformable calls in its modules become layers."""
    runs: list[Run] = []
    module = expose(
        model.module,
        lambda: runs.append(run_torch(model, sample.tensor)),
        [graph.module for graph in model.graphs],
        wholes,
    )
    return replace(model, module=module), runs[0]
