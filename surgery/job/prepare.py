"""What has to be known before the cut: a search over layers, fitted weights, offset statistics."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

import torch

from postprocess.errors import InputError
from postprocess.registry import suggestion

from ..network.pictures import calibration_tensors
from ..rewrites.calibration import Calibration
from ..rewrites.dcn import DeformLayer, describe, statistics
from ..rewrites.measuring import measured, measuring
from ..rewrites.registry import REWRITES
from ..rewrites.traits import STRATEGY, traits_of
from ..support.progress import Progress
from ..targets import Target
from .case import Case
from .fits import Fit, fitted_rewrites, layers_to_fit, obtain, rewrite_at
from .search import Found, Point, search
from .strategy import SEARCHED, Strategy, nothing_to_choose, opset_for
from .trial import Candidate


@dataclass(frozen=True)
class Plan:
    """What will be done to the deformable layers, and what was found out for it.

    Attributes:
        chosen: the strategy that is shipped, every layer's rewrite decided.
        alternatives: those that it is compared with.
        fit: the fitted weights and their source; None where no layer needs any.
        points: networks that a search measured.
    """

    chosen: Candidate
    alternatives: tuple[Candidate, ...] = ()
    fit: Fit | None = None
    points: tuple[Point, ...] = ()

    @property
    def strategy(self) -> Strategy:
        """The chosen one."""
        return self.chosen.strategy


def prepare(case: Case, strategy: Strategy, target: Target, progress: Progress) -> Plan:
    """Search, fit and measure what ``strategy`` and the ones to compare with need.

    Raises:
        InputError: the images cannot be read, or the network cannot be fitted.
    """
    further = list(case.config.surgery.rewrites)
    if not case.layers:
        _require_none_wanted(case)
        seen = _measured(case, further, progress)
        return Plan(Candidate(nothing_to_choose(strategy.opset), seen))
    _require_patterns_fit(case)
    _require_fits_for_wholes(case, strategy)
    others = _to_compare(case, strategy, progress)
    wanted = dict.fromkeys([*strategy.rewrites.values(), *(STRATEGY + name for name in others)])
    calibration = _measured(case, [*further, *(n for n in wanted if n != SEARCHED)], progress)
    if any(name == SEARCHED or traits_of(REWRITES.get(name)).offsets for name in wanted):
        with progress.stage("look at the layers' offsets"):
            offsets = statistics(case.model.module, _images(case))
        calibration = calibration | Calibration.by_path(offsets)
    found, kernels = None, dict[str, int]()
    if SEARCHED in strategy.rewrites.values():
        found = _searched(case, strategy, calibration, target, progress)
        strategy = _decided(strategy, found)
        kernels = dict(found.points[found.chosen].kernels)
    fit = None
    if layers_to_fit(case.model.module, strategy.rewrites):
        fit = obtain(case.config, case.model, strategy.rewrites, progress, kernels)
        progress.say(f"fitted weights: {fit.source}")
        strategy = replace(strategy, rewrites=fitted_rewrites(fit, strategy.rewrites))
    return Plan(
        Candidate(strategy, calibration, {} if fit is None else fit.fitted.modules),
        tuple(_alternative(name, strategy, calibration) for name in others),
        fit,
        () if found is None else tuple(found.points),
    )


def _require_none_wanted(case: Case) -> None:
    """Refuse a strategy that was asked for by name where no layer is there to replace.

    Raises:
        InputError: naming what was looked for.
    """
    name = case.config.surgery.dcn.name
    if name not in ("auto", "keep"):
        kind = type(case.model.module).__name__
        raise InputError(
            f"surgery.dcn={name} finds no deformable layer in {kind}: looked for modules with a "
            "weight that predict offsets (DCNv2, mmcv's packs) or are called with them "
            "(torchvision's), and for calls of deformable functions in any module; "
            "surgery.dcn=keep exports the network as it is, surgery.dcn.replace=[PATH] fits a "
            "convolution in place of any module"
        )


def _require_fits_for_wholes(case: Case, strategy: Strategy) -> None:
    """Refuse ``surgery.dcn.replace`` with a strategy that fits nothing.

    Raises:
        InputError: naming the module and the strategy.
    """
    for path in case.layers:
        layer = describe(case.model.module.get_submodule(path))
        rewrite = rewrite_at(path, strategy.rewrites)
        if isinstance(layer, DeformLayer) and layer.whole and not _fits(rewrite):
            raise InputError(
                f"surgery.dcn.replace: {path} is no layer of {rewrite or 'keep'}: "
                "a fit replaces it, surgery.dcn=distilled or calibrated"
            )


def _fits(rewrite: str) -> bool:
    return bool(rewrite) and rewrite != SEARCHED and bool(traits_of(REWRITES.get(rewrite)).fit)


def _require_patterns_fit(case: Case) -> None:
    """Refuse a pattern of the settings that fits no layer, before anything that takes time.

    Raises:
        InputError: naming it and the layers that there are.
    """
    for pattern in case.config.surgery.dcn.layers:
        if not any(fnmatchcase(layer, pattern) for layer in case.layers):
            close = suggestion(pattern, case.layers)
            raise InputError(
                f"surgery.dcn.layers: no deformable layer fits {pattern!r}{close} "
                f"(there are: {', '.join(case.layers)})"
            )


def _to_compare(case: Case, strategy: Strategy, progress: Progress) -> list[str]:
    """Names of ``surgery.compare`` that are not shipped anyway and need no fit of their own.

    One that does not load is left out, with a message: it is not what was asked to be shipped.
    """
    names = []
    for name in dict.fromkeys(case.config.surgery.compare):
        if name == strategy.name or STRATEGY + name in strategy.rewrites.values():
            continue
        try:
            if not traits_of(REWRITES.get(STRATEGY + name)).fit:
                names.append(name)
        except InputError as error:
            progress.say(f"surgery.compare leaves out {name}: {error}")
    return names


def _alternative(name: str, strategy: Strategy, calibration: Calibration) -> Candidate:
    """Every layer by the strategy ``name``, in an opset that it can be exported in."""
    rewrites = {"*": STRATEGY + name}
    opset = opset_for(rewrites.values(), strategy.opset)
    other = replace(strategy, name=name, rewrites=rewrites, opset=opset)
    return Candidate(other, calibration)


def _searched(
    case: Case, strategy: Strategy, calibration: Calibration, target: Target, progress: Progress
) -> Found:
    """Search over the layers that are to be searched over."""
    paths = [p for p in case.layers if rewrite_at(p, strategy.rewrites) == SEARCHED]
    found = search(case, Candidate(strategy, calibration), paths, target, progress)
    point = found.points[found.chosen]
    progress.say(f"searched: {len(point.exact)} of {len(paths)} layers stay exact: {found.reason}")
    return found


def _decided(strategy: Strategy, found: Found) -> Strategy:
    """The strategy with what a search found in the places of the layers searched over."""
    others = {pattern: name for pattern, name in strategy.rewrites.items() if name != SEARCHED}
    rewrites = {**found.rewrites, **others}
    opset = opset_for(rewrites.values(), strategy.opset)
    return replace(strategy, rewrites=rewrites, opset=opset, reason=found.reason)


def _measured(case: Case, names: Collection[str], progress: Progress) -> Calibration:
    """Show the network to those of these rewrites that have to see it run."""
    names = measuring(names)
    if not names:
        return Calibration()
    with progress.stage(f"look at the network for {', '.join(names)}"):
        images = list(_images(case))
        found: list[Mapping[str, object]] = [
            measured(case.model.module, [name], images) for name in names
        ]
    return Calibration.by_path(*found)


def _images(case: Case) -> Iterator[torch.Tensor]:
    config = case.config
    images = calibration_tensors(config.surgery.calibration, config.input.preprocess)
    return (torch.from_numpy(image) for image in images)
