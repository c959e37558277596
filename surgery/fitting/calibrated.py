"""Fit ordinary convolutions to deformable ones by least squares, layer after layer.

Layers are taken in the order of execution. The inputs of each come from the network as already
operated, its targets from the untouched one, so that a layer also makes up for what the ones before
it lost: the asymmetric reconstruction of Zhang, Zou, He and Sun, "Accelerating Very Deep
Convolutional Networks for Classification and Detection" (TPAMI 2016), section 2.3. The ordinary
convolutions behind the deformable layers (the heads) are fitted in the same way, with their own
weights as the first guess. Where a ReLU follows, and no training comes after, the fit goes on with
:mod:`.rectified`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from ..rewrites.fitted import Window
from ..rewrites.uses import Rectifier
from .images import Images
from .least_squares import NormalEquations, as_rows, choose, patches
from .network import Reached, inputs_of
from .rectified import rectify
from .samples import Sampler, Samples, wanted_positions
from .settings import Settings
from .teacher_student import TeacherStudent, laid_out
from .widening import kernel_of, seen_by, set_kernel

ROWS_BYTES = 1 << 29  # patches are kept up to this size for fits that go over them again
Report = Callable[[str, float], None]  # what is being done, and the share of it that is done


def calibrate(pair: TeacherStudent, images: Images, settings: Settings, report: Report) -> None:
    """Fit the student's convolutions in place.

    Args:
        pair: of :func:`surgery.fitting.teacher_student.prepare`.
        images: to fit on, and held back to choose the regularisation.
        settings: of the fit.
        report: receives the stage and the share that is done.

    Raises:
        InputError: the untouched network's outputs are not finite.
    """
    windows = pair.windows(refit=settings.refit)
    sampler = Sampler(pair, wanted_positions(pair, windows), settings)
    fitting, held_back = (
        _sampled(sampler, batches, images.count, report)
        for batches in (images.fitting, images.held_back)
    )
    for done, (path, window) in enumerate(windows.items()):
        report(f"fitting {path}", done / len(windows))
        rectifier = pair.trace.rectifiers.get(path)
        if settings.strategy != "calibrated" or window.groups > 1:
            rectifier = None
        _fit_layer(pair, path, window, fitting, held_back, rectifier)
    report("fitted", 1.0)


def _sampled(
    sampler: Sampler, batches: Sequence[Tensor], count: int, report: Report
) -> list[tuple[Tensor, Samples]]:
    drawn = []
    for number, batch in enumerate(batches):
        report("running the untouched network", number / len(batches))
        drawn.append((batch, sampler.draw(batch, len(batch) / count)))
    return drawn


@dataclass
class _Gathered:
    """What one layer sees and should give on some images.

    Attributes:
        equations: of each group.
        room: bytes of rows that are kept themselves at most.
        inputs, targets: the rows, emptied where they would take more.
    """

    equations: list[NormalEquations]
    room: int
    inputs: list[Tensor] = field(default_factory=list)
    targets: list[Tensor] = field(default_factory=list)
    kept: int = 0

    def add(self, inputs: Tensor, targets: Tensor) -> None:
        """Take in rows, patches (m, groups * n) and outputs (m, O), group by group."""
        parts = zip(
            self.equations,
            inputs.chunk(len(self.equations), 1),
            targets.chunk(len(self.equations), 1),
            strict=True,
        )
        for equations, x, y in parts:
            equations.add(x, y)
        self.kept += inputs.numel() * inputs.element_size()
        if self.kept <= self.room:
            self.inputs.append(inputs)
            self.targets.append(targets)
        else:
            self.inputs.clear()
            self.targets.clear()

    def rows(self) -> tuple[Tensor, Tensor] | None:
        """All patches and targets, or None where they were too many to keep, or there were none."""
        return (torch.cat(self.inputs), torch.cat(self.targets)) if self.inputs else None


def _fit_layer(
    pair: TeacherStudent,
    path: str,
    window: Window,
    fitting: Sequence[tuple[Tensor, Samples]],
    held_back: Sequence[tuple[Tensor, Samples]],
    rectifier: Rectifier | None,
) -> None:
    module = pair.student.get_submodule(path)
    assert isinstance(module, nn.Conv2d)
    room = 0 if rectifier is None else ROWS_BYTES
    seen, kept_out = (_gather(pair, path, window, drawn, room) for drawn in (fitting, held_back))
    own = kernel_of(module)
    bias = own.new_zeros(module.out_channels) if module.bias is None else module.bias.detach()
    prior = as_rows(own, bias)
    fit = choose(seen.equations, kept_out.equations, own, bias)
    effect = {
        "relative_error": fit.error,
        "first_guess_error": fit.prior_error,
        "ridge": fit.ridge,
    }
    weight, fitted_bias = fit.weight, fit.bias
    rows, others = seen.rows(), kept_out.rows()
    if rectifier is not None and rows is not None and others is not None:
        linear = as_rows(weight, fitted_bias).T
        solution, error, before = rectify(
            rows, others, rectifier, linear, prior.T, fit.ridge, seen.equations[0]
        )
        weight = solution.T[:, :-1].reshape(weight.shape).float()
        fitted_bias = solution.T[:, -1].float()
        effect |= {"rectified_error": error, "linear_rectified_error": before}
    set_kernel(module, weight, fitted_bias)
    pair.effects[path] = effect


@torch.no_grad()
def _gather(
    pair: TeacherStudent,
    path: str,
    window: Window,
    drawn: Sequence[tuple[Tensor, Samples]],
    room: int,
) -> _Gathered:
    """Collect what a layer sees in the operated network and should give, batch after batch."""
    student, device = pair.student, pair.device
    module = student.get_submodule(path)
    assert isinstance(module, nn.Conv2d)
    unknowns = kernel_of(module)[0].numel()
    outputs = module.out_channels // window.groups
    equations = [NormalEquations(unknowns, outputs, device) for _ in range(window.groups)]
    gathered = _Gathered(equations, room)
    layer = pair.trace.layers.get(path)
    argument = layer.arguments[0] if layer else "input"
    with inputs_of(student, path, argument, pair.trace.calls[path]) as inputs:
        for batch, samples in drawn:
            inputs.clear()
            images = laid_out(batch, device)
            shared = pair.shared(images) if samples.trunk is None else samples.trunk
            pair.trunk.give(pair.stands, shared)
            with suppress(Reached):
                pair.reading.forward(student, images)
            called = samples.rows[path]  # the first calls may lie in the trunk, which is not run
            for x, rows in zip(inputs, called[len(called) - len(inputs) :], strict=True):
                seen = seen_by(module, x.float())
                gathered.add(patches(seen, window, rows.positions), rows.values)
    return gathered
