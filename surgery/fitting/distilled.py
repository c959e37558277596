"""Train the operated network, without labels, until its outputs are those of the untouched one.

Hinton, Vinyals, Dean, "Distilling the Knowledge in a Neural Network" (2015), with the network
itself as the teacher. It starts from the least-squares fit, each fitted convolution widened by
channels that it does not use yet; what works on the largest maps is shared and stays as it is;
everything behind it is trained. BatchNorm keeps its statistics.

The learning rate follows the share of the time (or of the steps) that is spent, so a run is
annealed when its time is up. Given a number of steps, the result depends on the seed alone.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from postprocess.errors import InputError

from .feed import LabelledBatch, LabelledBatches, batches_from, can_fork, labelled
from .images import Images
from .optimizer import optimizers
from .precision import autocast, beside, reduced
from .settings import Settings
from .state import State
from .teacher_student import TeacherStudent

TOLERANCE = 1e-5  # error on the held-back images at which there is nothing left to gain


@dataclass(frozen=True)
class Recipe:
    """What a distillation is made of; the defaults are what did best on the demo network.

    Attributes:
        batch: images a step, of a pool.
        reuse: steps for each batch of the untouched network.
        kept: its batches in memory.
        rate: peak learning rate.
        warmup: share of the run before the peak.
        horizon: steps that the running mean of the weights looks back on.
        measures: how often the error on the held-back images is measured.
        patience: measurements without improvement after which a run ends that is past ``settled``.
        settled: share of the run before which the learning rate is too high to tell.
        clip: largest norm of the gradient.
        save_every: seconds between two states on disk.
    """

    batch: int = 8
    reuse: int = 2
    kept: int = 96
    rate: float = 2e-3
    warmup: float = 0.05
    horizon: int = 50
    measures: int = 20
    patience: int = 3
    settled: float = 0.75
    clip: float = 1.0
    save_every: float = 30.0


@dataclass(frozen=True)
class Status:
    """How far a fit is.

    Attributes:
        progress: share of the layers, the time or the steps, 0 to 1.
        step: steps done.
        seconds: of the budget that are spent.
        loss: running mean of the training loss.
        error: by output, on the held-back images, at the last measurement; 0 is agreement.
        stage: what is being done.
    """

    progress: float
    step: int = 0
    seconds: float = 0.0
    loss: float = math.nan
    error: Mapping[str, float] = field(default_factory=dict)
    stage: str = "training"


Watch = Callable[[Status], None]


def learning_rate(progress: float, warmup: float) -> float:
    """Share of the peak rate: a linear rise, then half a cosine down to zero."""
    if progress < warmup:
        return 0.1 + 0.9 * progress / warmup
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (progress - warmup) / (1 - warmup))))


class Distillation:
    """One run; :meth:`run` leaves the student with the weights that did best."""

    def __init__(
        self,
        pair: TeacherStudent,
        images: Images,
        settings: Settings,
        recipe: Recipe,
        *,
        key: str,
        seconds: float,
        state: Path | None,
        workers: int,
    ) -> None:
        self.pair, self.images, self.settings, self.recipe = (
            pair,
            images,
            settings,
            recipe,
        )
        self.key, self.seconds, self.state_path = key, seconds, state
        self.workers = workers if can_fork() else 0
        self.parameters: dict[str, Tensor] = {
            name: parameter
            for name, parameter in pair.student.named_parameters()
            if name in pair.alive
        }
        self.optimizers = optimizers(pair.student, pair.alive, recipe.rate)
        self.mean = _copies(self.parameters)
        self.best, self.best_error, self.since_best = _copies(self.parameters), math.inf, 0
        self.step, self.elapsed, self.measured = 0, 0.0, -math.inf
        self.reduced = reduced(pair.device)
        self.loss, self.error = math.nan, dict[str, float]()

    def run(self, watch: Watch) -> None:
        """Train until the time is up, all steps are done, or nothing is left to gain.

        Raises:
            InputError: outputs or the loss are not finite; the state file is another fit's.
        """
        self._resume()
        held_back = [labelled(self.pair, batch) for batch in self.images.held_back]
        if self.measured < 0:
            self._measure(held_back)
        with beside(self.workers if self.pair.device.type == "cpu" else 0):
            self._train_all(held_back, watch)
        self._put(self.best)
        if self.state_path:
            self.state_path.unlink(missing_ok=True)

    def _train_all(self, held_back: Sequence[LabelledBatch], watch: Watch) -> None:
        recipe, batches = self.recipe, self._batches()
        begun, saved = time.monotonic() - self.elapsed, time.monotonic()
        while (progress := self.progress()) < 1 and not self._finished():
            self._train(batches(self.step), progress)
            self.step += 1
            self.elapsed = time.monotonic() - begun
            if self.progress() >= min(1.0, self.measured + 1 / recipe.measures):
                self._measure(held_back)
            watch(Status(self.progress(), self.step, self.elapsed, self.loss, self.error))
            if self.state_path and time.monotonic() - saved > recipe.save_every:
                self._save(self.state_path)
                saved = time.monotonic()

    def progress(self) -> float:
        """Share of the steps, or of the time, that is spent."""
        if self.settings.steps is not None:
            return self.step / self.settings.steps
        return min(1.0, self.elapsed / self.seconds) if self.seconds > 0 else 1.0

    def _finished(self) -> bool:
        settled = self.progress() > self.recipe.settled
        stuck = settled and self.since_best >= self.recipe.patience
        return stuck or self.best_error < TOLERANCE

    def _batches(self) -> LabelledBatches:
        recipe, seed = self.recipe, self.settings.seed
        first = LabelledBatches.first_batch(self.step, recipe.reuse, recipe.kept)
        source = batches_from(
            self.pair,
            self.images,
            first,
            seed=seed,
            size=recipe.batch,
            workers=self.workers,
        )
        batches = LabelledBatches(source, reuse=recipe.reuse, kept=recipe.kept, seed=seed)
        batches.remember(-(-self.step // recipe.reuse) - first)
        return batches

    def _train(self, labelled: LabelledBatch, progress: float) -> None:
        share = learning_rate(progress, self.recipe.warmup)
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
            for group in optimizer.param_groups:
                group["lr"] = self.recipe.rate * share
        loss = self._loss(labelled)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.parameters.values(), self.recipe.clip)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise InputError(
                f"the loss became {value} at step {self.step}: check that the network's outputs "
                "are finite on these images"
            )
        if bool(norm.isfinite()):
            for optimizer in self.optimizers:
                optimizer.step()
        self.loss = value if math.isnan(self.loss) else 0.95 * self.loss + 0.05 * value
        share = 1 / min(self.step + 2, self.recipe.horizon)
        with torch.no_grad():
            for mean, parameter in zip(self.mean.values(), self.parameters.values(), strict=True):
                mean.lerp_(parameter, share)

    def _loss(self, labelled: LabelledBatch) -> Tensor:
        with autocast(self.pair.student, self.pair.device, enabled=self.reduced):
            given = self.pair.operated(labelled.images, labelled.shared)
        losses = self.pair.losses
        return losses.total(losses.each(given, labelled.wanted))

    @torch.no_grad()
    def _measure(self, held_back: Sequence[LabelledBatch]) -> None:
        """Measure the mean weights on the held-back images, and keep them if they are the best."""
        current = _copies(self.parameters)
        self._put(self.mean)
        losses, total = self.pair.losses, sum(len(held.images) for held in held_back)
        error: dict[str, float] = {}
        for held in held_back:
            given = self.pair.operated(held.images, held.shared)
            for name, value in losses.each(given, held.wanted).items():
                part = float(value) * len(held.images) / total
                error[name] = error.get(name, 0.0) + part
        overall = sum(losses.spec(name).weight * value for name, value in error.items())
        self.since_best += 1
        if overall < self.best_error:
            self.best, self.best_error, self.since_best = _copies(self.mean), overall, 0
        self.error, self.measured = error, self.progress()
        self._put(current)

    @torch.no_grad()
    def _put(self, values: Mapping[str, Tensor]) -> None:
        for name, parameter in self.parameters.items():
            parameter.copy_(values[name])

    def _save(self, path: Path) -> None:
        State(
            self.key,
            self.step,
            self.elapsed,
            _copies(self.parameters),
            self.mean,
            [optimizer.state_dict() for optimizer in self.optimizers],
            self.best,
            self.best_error,
            self.since_best,
            self.measured,
        ).save(path)

    def _resume(self) -> None:
        state = State.load(self.state_path, self.key) if self.state_path else None
        if state is None:
            return
        self.step, self.elapsed, self.measured = state.step, state.elapsed, state.measured
        self.best_error, self.since_best = state.best_error, state.since_best
        self._put(state.parameters)
        device = self.pair.device
        self.mean = {name: tensor.to(device) for name, tensor in state.mean.items()}
        self.best = {name: tensor.to(device) for name, tensor in state.best.items()}
        for optimizer, saved in zip(self.optimizers, state.optimizers, strict=True):
            optimizer.load_state_dict(saved)


def _copies(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}
