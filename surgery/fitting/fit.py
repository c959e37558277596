"""Replace the deformable layers of any network by ordinary convolutions fitted to images."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from postprocess.errors import InputError

from ..rewrites.dcn import exposing
from ..rewrites.modes import evaluating
from ..support.ledger import Ledger
from .calibrated import calibrate
from .display import bar
from .distilled import Distillation, Recipe, Status, Watch
from .fitted import Fitted, differing
from .images import Images, Source, gather
from .network import Forward, Outputs, Reading, call
from .settings import OutputSpec, Settings
from .teacher_student import TeacherStudent, laid_out, prepare
from .trunk import EARLY

Weights = Mapping[str, OutputSpec]
AGREED = 0.01  # relative: the two errors are of one network in float32, in another order of sums
FLOOR = 1e-3  # errors below are the noise of the fit


def fit(
    model: nn.Module,
    images: Source,
    strategy: str = "distilled",
    *,
    outputs: Outputs,
    minutes: float = 5.0,
    seed: int = 0,
    kernel: int = 3,
    hidden: int = Settings.hidden,
    weights: Weights | None = None,
    forward: Forward = call,
    images_held_back: int | Iterable[Tensor] | None = None,
    steps: int | None = None,
    state: str | Path | None = None,
    workers: int = 1,
    progress: bool | Watch = True,
    replace: Sequence[str] = (),
) -> tuple[nn.Module, Ledger]:
    """Return a copy of ``model`` with ordinary convolutions for deformable ones, and the ledger.

    ``model`` itself is left as it is. Nothing is assumed about its names, its heads or what its
    ``forward`` returns beyond ``outputs``.

    Args:
        model: a network with deformable layers (:mod:`surgery.rewrites.dcn.recognise`).
        images: tensors (N, 3, H, W) or (3, H, W) float32, normalised as the network takes them; or
            a function ``number -> (N, 3, H, W)`` that gives the same batch for the same number,
            for fits on ever new images.
        strategy: "calibrated" (least squares, layer by layer) or "distilled" (that, then training).
        outputs: what the network returned -> the tensors that matter, by name, batch first.
        minutes: time that a distillation may take in all.
        seed: of everything random.
        kernel: size of the convolutions, 3, 5 or 7; 0 spends the multiply-adds of the offset
            convolutions on larger kernels, smallest maps first.
        hidden: of a distillation, channels computed from each layer's input and seen beside it; 0
            leaves one convolution a layer (:mod:`surgery.rewrites.dcn.widened`).
        weights: what is known of outputs by name; without it each counts as a map of values.
        forward: ``(model, batch) -> result``, where it is not a plain call.
        images_held_back: how many images to keep out for measuring, or those images themselves;
            None keeps an eighth, 64 at most.
        steps: fixed number of training steps instead of ``minutes``; the result then depends on
            the seed alone.
        state: file that a killed distillation goes on from; removed when it is done.
        workers: processes that make training batches ahead of time; 0 for none.
        replace: patterns of paths (:mod:`fnmatch`) of modules to replace by a convolution as well,
            whatever is inside: any that map tensors (N, C, H, W) to one of the same size or a whole
            fraction of it; several inputs are concatenated.
        progress: show a bar; or a function that receives status messages instead.

    Returns:
        The network and the ledger, whose ``figures`` are errors of this very network.

    Raises:
        InputError: no deformable layer, no images, outputs that are no dict of finite tensors, or
            a network whose fitted weights do not all reach the copy that would be returned.
    """
    settings = Settings(strategy, kernel, hidden, minutes, steps, seed, outputs=dict(weights or {}))
    _require_values(model)
    gathered = gather(images, seed=seed, count=settings.images, held_back=images_held_back)
    first = laid_out(gathered.fitting[0][:2], next(model.parameters()).device)
    with exposing(model, partial(_run, model, forward, first), replace) as exposed:
        fitted = fit_weights(
            exposed,
            gathered,
            settings,
            Reading(outputs, forward),
            state=None if state is None else Path(state),
            workers=workers,
            progress=progress,
        )
        operated, ledger = fitted.operated(exposed)
        ledger.measured({**fitted.summary, **_verified(fitted, operated)})
    return operated, ledger


def _run(model: nn.Module, forward: Forward, images: Tensor) -> None:
    with evaluating(model):
        forward(model, images)


def _verified(fitted: Fitted, operated: nn.Module) -> dict[str, float]:
    """The error of the network that is returned, which must be the one that the fit measured.

    Raises:
        InputError: it is another one; the line names the output.
    """
    assert fitted.measure is not None
    missed = {path for path, name in fitted.names().items() if name != "fitted"}
    hooks = [
        operated.get_submodule(path).register_forward_hook(partial(_called, missed, path))
        for path in tuple(missed)
    ]
    try:
        found = fitted.measure(operated)
    finally:
        for hook in hooks:
            hook.remove()
    if missed:
        raise InputError(
            f"{', '.join(sorted(missed))}: replaced, and never called: forward reaches the layer "
            "another way, through a plain list or a reference (nn.ModuleList can be replaced)"
        )
    for name, error in found.items():
        said = fitted.summary.get(name, error)
        if not abs(error - said) <= AGREED * max(abs(said), FLOOR):
            raise InputError(
                f"the fitted network has an error of {error:.3g} in {name}, the fit measured "
                f"{said:.3g}: some of its weights did not reach the copy (a parameter that a hook "
                "or a parametrization computes, or a module outside of named_modules): nothing is "
                "returned"
            )
    return found


def _called(missed: set[str], path: str, *_: object) -> None:
    """A forward hook: the layer at ``path`` was called."""
    missed.discard(path)


def fit_weights(
    model: nn.Module,
    images: Source | Images,
    settings: Settings,
    reading: Reading,
    *,
    images_held_back: int | Iterable[Tensor] | None = None,
    state: Path | None = None,
    workers: int = 1,
    progress: bool | Watch = True,
    recipe: Recipe | None = None,
) -> Fitted:
    """Fit, and return the weights alone; arguments and errors as of :func:`fit`."""
    begun = time.monotonic()
    _require_values(model)
    gathered = (
        images
        if isinstance(images, Images)
        else gather(images, seed=settings.seed, count=settings.images, held_back=images_held_back)
    )
    shown = bar() if progress is True else nullcontext(progress or _silent)
    with shown as watch:
        trained = settings.strategy == "distilled"
        # a training that starts with the computed channels in use ends up worse
        first = replace(settings, hidden=0) if trained else settings
        pair = prepare(model, reading, gathered, first)
        summary = {"images": float(gathered.count)}
        summary |= _errors("first_guess", pair, gathered)
        calibrate(pair, gathered, first, lambda what, share: watch(Status(share, stage=what)))
        summary |= _errors("calibrated", pair, gathered)
        summary["calibrated_seconds"] = time.monotonic() - begun
        if trained:
            pair = prepare(model, reading, gathered, settings, early=EARLY, start=pair)
            run = Distillation(
                pair,
                gathered,
                settings,
                recipe or Recipe(),
                key=_key(model, settings, gathered),
                seconds=60 * settings.minutes - summary["calibrated_seconds"],
                state=state,
                workers=workers,
            )
            run.run(watch)
            summary |= _errors("distilled", pair, gathered)
            summary["steps"] = float(run.step)
    summary["seconds"] = time.monotonic() - begun
    modules = differing(model, pair.student, pair.effects)
    notes = [gathered.note] if gathered.note else []
    notes += [f"{path}: not called, left as it is" for path in pair.trace.unused]
    notes += [f"{path}: {reason}" for path, reason in pair.trace.refused.items()]
    last = "distilled" if trained else "calibrated"
    measure = partial(_errors_of, last, pair, gathered, reading)
    return Fitted(settings.strategy, modules, summary, tuple(notes), measure)


def _require_values(model: nn.Module) -> None:
    """Refuse a network that cannot be fitted.

    Raises:
        InputError: no parameters, parameters without values, or ones that are not float32.
    """
    if next(model.parameters(), None) is None:
        raise InputError(f"{type(model).__name__} has no parameters: nothing to fit")
    if any(parameter.is_meta for parameter in model.parameters()):
        raise InputError(
            f"{type(model).__name__} is on the meta device, its parameters have no values: load it "
            "first"
        )
    kinds = {p.dtype for p in model.parameters() if p.is_floating_point()} - {torch.float32}
    if kinds:
        named = ", ".join(sorted(map(str, kinds)))
        raise InputError(
            f"{type(model).__name__} holds {named}, a fit takes float32: model.float() before it, "
            "and back behind it"
        )


@torch.no_grad()
def _errors_of(
    stage: str, pair: TeacherStudent, images: Images, reading: Reading, network: nn.Module
) -> dict[str, float]:
    """Like :func:`_errors`, of a network that stands by itself."""
    total = sum(len(batch) for batch in images.held_back)
    sums: dict[str, float] = {}
    with evaluating(network):
        for batch in images.held_back:
            tensor = laid_out(batch, pair.device)
            given, wanted = reading(network, tensor), pair.untouched(tensor)
            for name, loss in pair.losses.each(given, wanted).items():
                key = f"{stage}.{name}"
                sums[key] = sums.get(key, 0.0) + float(loss) * len(batch) / total
    return sums


def _silent(_: Status) -> None:
    pass


@torch.no_grad()
def _errors(stage: str, pair: TeacherStudent, images: Images) -> dict[str, float]:
    """Error of every output on the held-back images, under ``stage.output``."""
    total = sum(len(batch) for batch in images.held_back)
    sums: dict[str, float] = {}
    for batch in images.held_back:
        tensor = laid_out(batch, pair.device)
        wanted = pair.untouched(tensor)
        given = pair.operated(tensor, pair.trunk.take())
        for name, loss in pair.losses.each(given, wanted).items():
            key = f"{stage}.{name}"
            sums[key] = sums.get(key, 0.0) + float(loss) * len(batch) / total
    return sums


def state_hash(model: nn.Module) -> str:
    """Hash of a network's parameters and buffers: names, types, shapes and values."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def _key(model: nn.Module, settings: Settings, images: Images) -> str:
    said = json.dumps([settings.to_json(), images.digest, images.count], sort_keys=True)
    return hashlib.sha256((state_hash(model) + said).encode()).hexdigest()
