"""What has to be known before the cut: a search over layers, fitted weights, offset statistics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase

import torch

from postprocess.errors import InputError
from postprocess.registry import suggestion

from ..network.pictures import calibration_tensors
from ..rewrites.dcn import OffsetStatistics, statistics
from ..rewrites.measuring import measured, measuring
from ..support.progress import Progress
from ..targets import Target
from .case import Patient
from .compare import measured_network
from .fits import FITTED, fitted_rewrites, layers_to_fit, obtain, rewrite_at
from .search import Measured, search
from .strategy import SEARCHED, Strategy, nothing_to_choose, opset_for

MEASURED = {"dcn.folded", "dcn.shifted"}  # rewrites that look at the offsets on images


def prepared(
    patient: Patient, strategy: Strategy, target: Target, progress: Progress
) -> tuple[Patient, Strategy]:
    """Search, fit and measure what ``strategy`` and the ones to compare with need.

    Returns:
        The patient with what was found, and the strategy with every layer's rewrite decided.

    Raises:
        InputError: the images cannot be read, or the network cannot be fitted.
    """
    patient = _inspected(patient, progress)
    if not patient.layers:
        return patient, nothing_to_choose(strategy.opset)
    _require_patterns_fit(patient)
    names = [name for name in patient.config.surgery.compare if name not in FITTED]
    alternatives = {
        name: {"*": f"dcn.{name}"}
        for name in names
        if f"dcn.{name}" not in strategy.rewrites.values()
    }
    wanted = {*strategy.rewrites.values(), *(f"dcn.{name}" for name in alternatives)}
    if wanted & MEASURED or SEARCHED in wanted:
        with progress.stage("look at the layers' offsets"):
            patient = replace(patient, measured={**patient.measured, **_measured(patient)})
    patient = replace(patient, alternatives=alternatives)
    kernels: Mapping[str, int] = {}
    if SEARCHED in strategy.rewrites.values():
        patient, strategy, kernels = _searched(patient, strategy, target, progress)
    config, model = patient.config, patient.model
    if layers_to_fit(model.module, strategy.rewrites):
        fit = obtain(config, model, strategy.rewrites, progress, kernels)
        progress.say(f"fitted weights: {fit.source}")
        strategy = replace(
            strategy, rewrites=fitted_rewrites(fit, strategy.rewrites), fit=fit.source
        )
        patient = replace(patient, fitted=fit.fitted.modules, fit_summary=fit.fitted.summary)
    return patient, strategy


def _require_patterns_fit(patient: Patient) -> None:
    """Refuse a pattern of the settings that fits no layer, before anything that takes time.

    Raises:
        InputError: naming it and the layers that there are.
    """
    for pattern in patient.config.surgery.dcn.layers:
        if not any(fnmatchcase(layer, pattern) for layer in patient.layers):
            close = suggestion(pattern, patient.layers)
            raise InputError(
                f"surgery.dcn.layers: no deformable layer fits {pattern!r}{close} "
                f"(there are: {', '.join(patient.layers)})"
            )


def _searched(
    patient: Patient, strategy: Strategy, target: Target, progress: Progress
) -> tuple[Patient, Strategy, Mapping[str, int]]:
    """Decide on the layers that are to be searched over."""
    rewrites = strategy.rewrites
    paths = [path for path in patient.layers if rewrite_at(path, rewrites) == SEARCHED]
    pixels = {
        path: found.samples
        for path, found in patient.measured.items()
        if isinstance(found, OffsetStatistics)
    }

    def measure(chosen: Mapping[str, str], fitted: Mapping[str, object]) -> Measured:
        return measured_network(replace(patient, fitted=fitted), chosen, strategy.opset)

    found = search(patient.config, patient.model, paths, pixels, target, measure, progress)
    point = found.points[found.chosen]
    others = {pattern: name for pattern, name in rewrites.items() if name != SEARCHED}
    chosen = {**found.rewrites, **others}
    opset = opset_for(chosen.values(), strategy.opset)
    progress.say(f"searched: {len(point.exact)} of {len(paths)} layers stay exact: {found.reason}")
    patient = replace(patient, points=[each.to_json() for each in found.points])
    strategy = replace(strategy, rewrites=chosen, opset=opset, reason=found.reason)
    return patient, strategy, point.kernels


def _inspected(patient: Patient, progress: Progress) -> Patient:
    """Show the network to those of ``surgery.rewrites`` that have to see it run."""
    names = measuring(patient.config.surgery.rewrites)
    if not names:
        return patient
    with progress.stage(f"look at the network for {', '.join(names)}"):
        found = measured(patient.model.module, names, list(_images(patient)))
    return replace(patient, measured={**patient.measured, **found})


def _images(patient: Patient) -> Iterator[torch.Tensor]:
    config = patient.config
    images = calibration_tensors(config.surgery.calibration, config.input.preprocess)
    return (torch.from_numpy(image) for image in images)


def _measured(patient: Patient) -> Mapping[str, object]:
    return statistics(patient.model.module, _images(patient))
