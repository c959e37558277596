"""Fit ordinary convolutions to deformable ones by least squares, layer after layer.

Layers are taken in the order of execution. The inputs of each come from the network as already
operated, its targets from the untouched one, so that a layer also makes up for what the ones before
it lost: the asymmetric reconstruction of Zhang, Zou, He and Sun, "Accelerating Very Deep
Convolutional Networks for Classification and Detection" (TPAMI 2016), section 2.3. The ordinary
convolutions behind the deformable layers (the heads) are fitted in the same way, with their own
weights as the first guess.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

import torch
from torch import Tensor, nn

from ..rewrites.fitted import Window
from .images import Images
from .least_squares import NormalEquations, choose, patches
from .network import Reached, inputs_of
from .operation import Operation, laid_out
from .samples import Sampler, Samples, wanted_positions
from .settings import Settings

Report = Callable[[str, float], None]  # what is being done, and the share of it that is done


def calibrate(operation: Operation, images: Images, settings: Settings, report: Report) -> None:
    """Fit the student's convolutions in place.

    Args:
        operation: of :func:`surgery.calibrate.operation.prepare`.
        images: to fit on, and held back to choose the regularisation.
        settings: of the fit.
        report: is told how far it is.

    Raises:
        InputError: the untouched network's outputs are not finite.
    """
    windows = operation.windows(refit=settings.refit)
    sampler = Sampler(operation, wanted_positions(operation, windows), settings)
    fitting, held_back = (
        _sampled(sampler, batches, images.count, report)
        for batches in (images.fitting, images.held_back)
    )
    for done, (path, window) in enumerate(windows.items()):
        report(f"fitting {path}", done / len(windows))
        _fit_layer(operation, path, window, fitting, held_back)
    report("fitted", 1.0)


def _sampled(
    sampler: Sampler, batches: Sequence[Tensor], count: int, report: Report
) -> list[tuple[Tensor, Samples]]:
    drawn = []
    for number, batch in enumerate(batches):
        report("running the untouched network", number / len(batches))
        drawn.append((batch, sampler.draw(batch, len(batch) / count)))
    return drawn


def _fit_layer(
    operation: Operation,
    path: str,
    window: Window,
    fitting: Sequence[tuple[Tensor, Samples]],
    held_back: Sequence[tuple[Tensor, Samples]],
) -> None:
    module = operation.student.get_submodule(path)
    assert isinstance(module, nn.Conv2d)
    records = [_equations(operation, path, window, drawn) for drawn in (fitting, held_back)]
    prior_bias = (
        module.weight.new_zeros(module.out_channels) if module.bias is None else module.bias
    )
    fit = choose(records[0], records[1], module.weight.detach(), prior_bias.detach())
    with torch.no_grad():
        module.weight.copy_(fit.weight)
        if module.bias is not None:
            module.bias.copy_(fit.bias)
    operation.effects[path] = {
        "relative_error": fit.error,
        "first_guess_error": fit.prior_error,
        "ridge": fit.ridge,
    }


@torch.no_grad()
def _equations(
    operation: Operation, path: str, window: Window, drawn: Sequence[tuple[Tensor, Samples]]
) -> list[NormalEquations]:
    """Normal equations of each group of a layer over batches with their samples."""
    student, device = operation.student, operation.device
    module = student.get_submodule(path)
    assert isinstance(module, nn.Conv2d)
    channels = module.in_channels // window.groups
    outputs = module.out_channels // window.groups
    records = [
        NormalEquations(channels * window.taps, outputs, device) for _ in range(window.groups)
    ]
    layer = operation.trace.layers.get(path)
    argument = layer.arguments[0] if layer else "input"
    with inputs_of(student, path, argument, operation.trace.calls[path]) as inputs:
        for batch, samples in drawn:
            inputs.clear()
            images = laid_out(batch, device)
            shared = operation.shared(images) if samples.trunk is None else samples.trunk
            operation.trunk.give(operation.stands, shared)
            with suppress(Reached):
                operation.reading.forward(student, images)
            for x, rows in zip(inputs, samples.rows[path], strict=True):
                for group, record in enumerate(records):
                    part = x[:, group * channels : (group + 1) * channels]
                    values = rows.values[:, group * outputs : (group + 1) * outputs]
                    record.add(patches(part.float(), window, rows.positions), values)
    return records
