"""Fitted weights for a run: found beside the checkpoint, shipped with it, cached, or fitted now."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from postprocess.bundle import sha256
from postprocess.errors import InputError
from postprocess.preprocess import Preprocess

from ..config.run import Config
from ..config.surgery import ImagesConfig
from ..fitting import Fitted, OutputSpec, Reading, Settings, fit_weights, saved, state_hash
from ..fitting.settings import STRATEGIES
from ..network.contract import MODELS, Graph
from ..network.load import Model, weights_folder
from ..network.pictures import DRAWN_SIZE, calibration_tensors, divided, drawn
from ..rewrites.dcn import DeformLayer, describe
from ..rewrites.fitted import FittedConvolution
from ..rewrites.registry import REWRITES
from ..rewrites.traits import STRATEGY, traits_of
from ..scenes import FITTING_SEED
from ..support.progress import Progress

BATCH = 8  # drawn scenes at a time
# Of all images that the least-squares fit goes over: 256 of 128x128, 16 of 512x512.
PIXELS = 1 << 22
LEAST, MOST = 16, 256  # and their number


_OWN = frozenset(STRATEGY + name for name in STRATEGIES)


@dataclass(frozen=True)
class Fit:
    """Fitted weights and where they came from.

    Attributes:
        source: in words, for people.
    """

    fitted: Fitted
    source: str


def rewrite_at(path: str, rewrites: Mapping[str, str]) -> str:
    """The rewrite of the module at ``path``: that of the first pattern that fits, or ""."""
    return next((name for pattern, name in rewrites.items() if fnmatchcase(path, pattern)), "")


def layers_to_fit(model: nn.Module, rewrites: Mapping[str, str]) -> dict[str, list[str]]:
    """Paths of the deformable layers whose rewrite needs a fit, by the strategy of the fit.

    Args:
        model: the untouched network.
        rewrites: rewrite by module path pattern; the first that fits a path counts.
    """
    found: dict[str, list[str]] = {}
    for path, module in model.named_modules():
        if isinstance(describe(module), DeformLayer):
            rewrite = rewrite_at(path, rewrites)
            if rewrite and (fit := traits_of(REWRITES.get(rewrite)).fit):
                found.setdefault(fit, []).append(path)
    return found


def fitted_rewrites(fit: Fit, rewrites: Mapping[str, str]) -> dict[str, str]:
    """``rewrites`` with the paths of a fit in the places of the patterns that asked for it.

    Layers that were to be calibrated and were distilled together with others get that rewrite;
    another package's rewrite gets its layers whichever way they were fitted.
    """
    others = {p: name for p, name in rewrites.items() if not traits_of(REWRITES.get(name)).fit}
    names = fit.fitted.names()
    for path, module in fit.fitted.modules.items():
        asked = rewrite_at(path, rewrites)
        if isinstance(module, FittedConvolution) and asked not in _OWN:
            names[path] = asked
    return {**names, **others}


def obtain(
    config: Config,
    model: Model,
    rewrites: Mapping[str, str],
    progress: Progress,
    kernels: Mapping[str, int] | None = None,
) -> Fit:
    """Find or make the fit that ``rewrites`` ask for.

    Layers that are to be calibrated and ones to be distilled are distilled together.

    Args:
        config, model: of the run.
        rewrites: rewrite by module path pattern.
        progress: receives status messages.
        kernels: of single layers, by path, where they differ from ``surgery.fit.kernel``.

    Raises:
        InputError: the images cannot be read, or the network cannot be fitted.
    """
    chosen = layers_to_fit(model.module, rewrites)
    strategy = max(chosen, key=STRATEGIES.index)  # the weakest comes first
    paths = [path for group in chosen.values() for path in group]
    asked, network = config.surgery.fit, state_hash(model.module)
    every = layers_to_fit(model.module, {"*": STRATEGY + strategy})[strategy]
    layers = None
    if kernels or sorted(paths) != sorted(every):
        layers = {
            path: (kernels or {}).get(path, asked.kernel or Settings.kernel)
            for path in sorted(paths)
        }
    said: dict[str, Any] = {"layers": layers}
    for name in ("kernel", "hidden", "minutes", "steps"):
        value = getattr(asked, name)
        if value is not None and (strategy == "distilled" or name == "kernel"):
            said[name] = value
    folder = config.surgery.calibration.images
    images = None if folder is None else _digest(folder, config)
    places = saved.places(config.checkpoint, [weights_folder(MODELS.get(model.name))])
    if not asked.again:
        path = saved.find(network, strategy, places, settings=said, images=images)
        if path is not None:
            return Fit(saved.load(path), f"found in {path}")
    settings = _settings(config, model, strategy, layers)
    key = saved.Key(network, settings.to_json(), images or _drawn_name(config))
    what = _words(config, folder)
    progress.say(f"fitting {len(paths)} layers ({strategy}) to {what}")
    state = saved.cache_folder() / f"{key.file}.state"
    with progress.stage(f"fit {len(paths)} layers ({strategy})", spin=False):
        fitted = fit_weights(
            model.module,
            image_source(config),
            settings,
            reading_of(model, config),
            state=state if asked.save else None,
            workers=asked.workers if strategy == "distilled" else 0,
        )
    where = f"fitted in this run to {what}"
    if asked.save:
        where += f", kept in {_keep(fitted, key, config.checkpoint)}"
    return Fit(fitted, where)


def reading_of(model: Model, config: Config) -> Reading:
    """How to run a network of this model, or a copy of it, for its backbone's outputs."""
    plugin = MODELS.get(model.name)
    views: WeakKeyDictionary[nn.Module, Graph] = WeakKeyDictionary()

    def forward(network: nn.Module, images: Tensor) -> dict[str, Tensor]:
        if network not in views:
            graphs = plugin.graphs(network, config.model)
            views[network] = next(graph for graph in graphs if graph.name == "backbone")
        view = views[network]
        names = [port.name for port in view.outputs]
        return dict(zip(names, view.module(images), strict=True))

    return Reading(lambda outputs: outputs, forward)


def output_specs(model: Model) -> dict[str, OutputSpec]:
    """What the model says about its backbone's outputs."""
    return {
        port.name: OutputSpec(getattr(port, "kind", "values"), getattr(port, "counts_at", None))
        for port in model.backbone.outputs
    }


def _settings(
    config: Config, model: Model, strategy: str, layers: Mapping[str, int] | None
) -> Settings:
    asked = config.surgery.fit
    size = config.input.preprocess.size or (DRAWN_SIZE, DRAWN_SIZE)
    count = min(MOST, max(LEAST, PIXELS // (size[0] * size[1])))
    return Settings(
        strategy,
        kernel=Settings.kernel if asked.kernel is None else asked.kernel,
        hidden=Settings.hidden if asked.hidden is None else asked.hidden,
        minutes=Settings.minutes if asked.minutes is None else asked.minutes,
        steps=asked.steps,
        seed=config.seed,
        images=count if strategy == "calibrated" else count // 2,
        layers=layers,
        outputs=output_specs(model),
    )


def image_source(config: Config) -> list[Tensor] | Callable[[int], Tensor]:
    """Normalised images: the folder's, or drawn scenes for ever."""
    preprocess, folder = config.input.preprocess, config.surgery.calibration.images
    if folder is not None:
        pool = ImagesConfig(images=folder, count=config.surgery.fit.count)
        return [torch.from_numpy(image) for image in calibration_tensors(pool, preprocess)]
    return DrawnBatches(preprocess)


@dataclass(frozen=True)
class DrawnBatches:
    """Batch ``number`` of the drawn scenes that fits may use, (8, 3, h, w) normalised."""

    preprocess: Preprocess

    def __call__(self, number: int) -> Tensor:
        """Draw it; the same number gives the same batch."""
        indices = range(BATCH * number, BATCH * (number + 1))
        images = (drawn(self.preprocess, FITTING_SEED, index) for index in indices)
        return torch.cat([torch.from_numpy(self.preprocess(image)[0]) for image in images])


def _words(config: Config, folder: Path | None) -> str:
    if folder is not None:
        return f"the images of {folder}"
    words = "drawn scenes"
    if config.checkpoint is not None:
        words += (
            ", since no images were named: they are not what this checkpoint was trained for, so "
            "the fit will be worse than with surgery.calibration.images=FOLDER of your own"
        )
    return words


def _drawn_name(config: Config) -> str:
    return f"scenes:{FITTING_SEED}:{json.dumps(config.input.preprocess.to_json(), sort_keys=True)}"


def _digest(folder: Path, config: Config) -> str:
    """Hash of a folder's images and of what is made of them."""
    said = hashlib.sha256(_drawn_name(config).encode())
    for path in divided(folder)[0][: config.surgery.fit.count]:
        said.update(sha256(Path(path)).encode())
    return said.hexdigest()


def _keep(fitted: Fitted, key: saved.Key, checkpoint: Path | None) -> Path:
    """Write the fit beside the checkpoint, in the cache where that cannot be written."""
    if checkpoint is not None:
        try:
            return saved.save(fitted, key, checkpoint.parent)
        except InputError:
            pass
    return saved.save(fitted, key, saved.cache_folder())
