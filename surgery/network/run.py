"""Run the cut network end to end in torch: backbone, then the decoder with the learned rest.

The decoder is the run time's own, so that what differs between a run here and one of the bundle is
the network's doing alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from postprocess.decoders.base import DECODERS, Decoder, Refine
from postprocess.errors import InputError
from postprocess.instances import Array, Instances
from postprocess.session import IDLE_SIDE

from .contract import Graph
from .load import Model


@dataclass(frozen=True)
class Run:
    """What one input gives at every stage.

    Attributes:
        heads: the backbone's outputs by name, batch first.
        trace: the decoder's stages by name.
        instances: what is found, network-input pixels.
    """

    heads: Mapping[str, Array]
    trace: Mapping[str, Array]
    instances: Instances


def decoder_of(model: Model) -> Decoder:
    """Build the model's decoder."""
    parameters = dict(model.decoder)
    return DECODERS.get(parameters.pop("name"))(**parameters)


def _idle(shape: Sequence[int | str]) -> torch.Tensor:
    """Zero-length tensor for a branch that a call does not want."""
    return torch.zeros(0, *(side if isinstance(side, int) else IDLE_SIDE for side in shape[1:]))


@torch.inference_mode()
def call(graph: Graph, feeds: Mapping[str, Array], wanted: Sequence[str]) -> dict[str, Array]:
    """Run a graph's module in torch; inputs that are left out belong to branches that idle."""
    inputs = [
        torch.from_numpy(np.ascontiguousarray(feeds[port.name]))
        if port.name in feeds
        else _idle(port.shape)
        for port in graph.inputs
    ]
    named = dict(zip((port.name for port in graph.outputs), _outputs(graph, inputs), strict=True))
    return {name: named[name].numpy() for name in wanted}


def _outputs(graph: Graph, inputs: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
    """What the graph's module returns, checked against what it promises.

    Raises:
        InputError: it returns something else than a tuple of tensors, one an output.
    """
    outputs = graph.module(*inputs)
    listed = isinstance(outputs, (tuple, list))
    tensors = [each for each in outputs if isinstance(each, torch.Tensor)] if listed else []
    if listed and len(tensors) == len(outputs) == len(graph.outputs):
        return tensors
    kinds = ", ".join(type(output).__name__ for output in outputs) if listed else ""
    names = ", ".join(port.name for port in graph.outputs)
    raise InputError(
        f"the module of graph {graph.name!r} returns {type(outputs).__name__}"
        f"{f' of ({kinds})' if listed else ''}, expected a tuple of {len(graph.outputs)} tensors: "
        f"({names})"
    )


def heads_of(model: Model, tensor: Array) -> dict[str, Array]:
    """The backbone's outputs by name, in torch, as the network stands now."""
    return call(model.backbone, {model.backbone.inputs[0].name: tensor}, model_outputs(model))


def model_outputs(model: Model) -> list[str]:
    """Names of the backbone's outputs, in order."""
    return [port.name for port in model.backbone.outputs]


def refine_of(model: Model) -> Refine | None:
    """The learned part after the backbone, in torch; None for a model that has none."""
    graph = next((graph for graph in model.graphs if graph.name == "refine"), None)
    return None if graph is None else partial(call, graph)


def run_torch(model: Model, tensor: Array) -> Run:
    """Run the network as it stands now, operated or not.

    Args:
        tensor: (1, 3, H, W) float32, normalised.
    """
    heads, trace = heads_of(model, tensor), dict[str, Array]()
    instances = decoder_of(model)(heads, refine_of(model), trace)
    return Run(heads, trace, instances[0])
