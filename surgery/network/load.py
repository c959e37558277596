"""Configuration -> model: find the plugin, build the network, give it its weights."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from postprocess.bundle import sha256
from postprocess.errors import InputError
from postprocess.preprocess import Preprocess
from postprocess.reading import require_regular

from ..config.run import Config
from .contract import MODELS, Graph, ModelPlugin, TakesConvolutions
from .paddle2onnx import is_onnx, read_convolutions


@dataclass(frozen=True)
class Model:
    """A network with its weights, and all that a consumer must know about it.

    Attributes:
        module: the network in eval mode; the graphs' modules are views of it.
        graphs: the parts to export, the backbone first.
        decoder: the decoder's name (key ``name``) and parameters.
        weights: where they came from (``source``) and their hash (``sha256``, none when random).
        ignored: keys of the checkpoint that the network does not have.
    """

    name: str
    variant: str
    module: nn.Module
    graphs: tuple[Graph, ...]
    decoder: Mapping[str, Any]
    preprocess: Preprocess
    classes: tuple[str, ...]
    keypoints: tuple[str, ...]
    skeleton: tuple[tuple[int, int], ...]
    weights: Mapping[str, str | None]
    ignored: tuple[str, ...]

    @property
    def backbone(self) -> Graph:
        """The graph that takes the image."""
        return self.graphs[0]


def weights_folder(plugin: ModelPlugin) -> Path:
    """Where a plugin ships weights: ``weights`` beside its module."""
    file = sys.modules[type(plugin).__module__].__file__
    assert file is not None
    return Path(file).parent / "weights"


def _checkpoint(config: Config, plugin: ModelPlugin) -> Path | None:
    if config.checkpoint is not None:
        if config.weights is not None:
            raise InputError("checkpoint= and weights=random exclude each other: leave one out")
        return config.checkpoint
    if config.weights == "random":
        return None
    shipped = config.model.get("weights")
    if shipped:
        return weights_folder(plugin) / str(shipped)
    published = config.model.get("published")
    where = f" (the authors publish theirs at {published})" if published else ""
    raise InputError(
        f"model={config.model.get('variant')} comes without weights: pass checkpoint=FILE{where}, "
        "or weights=random to go on without trained ones"
    )


def _load(plugin: ModelPlugin, module: nn.Module, checkpoint: Path) -> Sequence[str]:
    """Load a checkpoint, also out of a graph that others exported; returns the ignored keys."""
    if checkpoint.exists() and not checkpoint.is_dir():  # a loader says what to take of a folder
        require_regular(checkpoint)
    if isinstance(plugin, TakesConvolutions) and is_onnx(checkpoint):
        return plugin.load_convolutions(module, read_convolutions(checkpoint), checkpoint)
    return plugin.load(module, checkpoint)


def load_model(config: Config) -> Model:
    """Build the configured network and load its weights.

    Raises:
        InputError: unknown model, or no weights were given for one that ships none.
        ValueError: the checkpoint does not fit (the plugin's own one-line error).
    """
    name = str(config.model["name"])
    plugin = MODELS.get(name)
    checkpoint = _checkpoint(config, plugin)
    torch.manual_seed(config.seed)
    module = plugin.build(config.model).eval()
    ignored: Sequence[str] = ()
    weights: dict[str, str | None] = {"source": "random", "sha256": None}
    if checkpoint is not None:
        ignored = _load(plugin, module, checkpoint)
        weights = {"source": checkpoint.name, "sha256": sha256(checkpoint)}
    for parameter in module.parameters():
        parameter.requires_grad_(False)
    graphs = sorted(plugin.graphs(module, config.model), key=lambda g: g.name != "backbone")
    return Model(
        name=name,
        variant=str(config.model.get("variant", name)),
        module=module,
        graphs=tuple(graphs),
        decoder=dict(plugin.decoder(config.model)),
        preprocess=config.input.preprocess,
        classes=tuple(plugin.classes(config.model)),
        keypoints=tuple(plugin.keypoints(config.model)),
        skeleton=tuple((int(a), int(b)) for a, b in plugin.skeleton(config.model)),
        weights=weights,
        ignored=tuple(ignored),
    )
