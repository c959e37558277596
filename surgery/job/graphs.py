"""One graph of a model: exported, simplified behind checks, and written into the bundle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import onnx
from onnx import helper
from torch import nn

from postprocess.instances import Array

from ..config.run import Config
from ..export.export import export_onnx
from ..export.symbolics.record import KEY, entries
from ..graph.shapes import shape_of
from ..graph.storage import save
from ..network.contract import Graph
from ..network.examples import dynamic_axes, examples, fixed_axes
from ..network.load import Model
from ..passes import Check, run_passes
from ..passes.registry import order_with
from ..rewrites.dcn.shift.sums_node import expand
from ..rewrites.functions.patching import patching
from ..rewrites.registry import REWRITES, is_patch
from ..support.child import in_child
from ..support.ledger import LEDGER_KEY, STRATEGY_KEY, Ledger
from ..targets import Target
from .plain import require_plain
from .strategy import Strategy
from .symbolics import asked_for, joined, needed


def export_graph(
    graph: Graph,
    model: Model,
    config: Config,
    strategy: Strategy,
    ledger: Ledger,
    image: Array,
) -> onnx.ModelProto:
    """Export a graph as the network stands now and simplify it.

    Args:
        graph: of ``model``.
        ledger: holds what was done to the network; gets what is done to the graph.
        image: (1, 3, h, w), a picture as the network sees it; every pass is checked on it.

    Raises:
        InputError: the exporter or the configuration is at fault, or a layer that was to become
            convolutions holds something else.
    """
    fixed = _fixed(graph, config)
    surgery = config.surgery
    chosen = needed(Target.from_config(config.target), strategy.opset)
    symbolics = joined(asked_for(surgery), chosen, strategy.opset)
    step = f"export {graph.name} ({surgery.exporter}, opset {strategy.opset})"
    export = partial(in_child(step, _export), *_patches(config)) if surgery.safe else export_onnx
    exported = export(
        graph.module,
        examples(graph, fixed, image),
        input_names=[port.name for port in graph.inputs],
        output_names=[port.name for port in graph.outputs],
        dynamic=dynamic_axes(graph, fixed),
        opset=strategy.opset,
        exporter=surgery.exporter,
        metadata={STRATEGY_KEY: strategy.name},
        name=graph.name,
        symbolics=symbolics,
        verify=_compared_here_alone(graph, fixed),
    )
    used = {entry.key: entry.value for entry in exported.metadata_props}.get(KEY, "").split(",")
    ledger.extend(entries(symbolics, used, graph.name, strategy.opset, chosen))
    if not surgery.rewrites:  # which bring operators of their own
        require_plain(exported, graph, model, ledger, strategy)
    simplified = run_passes(
        exported,
        skip=surgery.passes.skip,
        ledger=ledger,
        check=Check(feeds(graph, config, image)),
        order=order_with(surgery.passes.also),
        tolerance=surgery.passes.tolerance,
        safe=bool(surgery.safe),
    )
    return expand(simplified)


def _compared_here_alone(graph: Graph, fixed: Mapping[str, int]) -> bool:
    """Whether nothing later holds the graph against the module.

    A backbone of one size and batch is run on the pictures and compared with the operated network.
    """
    axes = dynamic_axes(graph, fixed)
    return graph.name != "backbone" or any(port.name in axes for port in graph.inputs)


def _patches(config: Config) -> tuple[tuple[str, ...], str]:
    """Function patches of ``surgery.rewrites``, and the target that their guards ask for."""
    names = (name for name in config.surgery.rewrites if is_patch(REWRITES.get(name)))
    return tuple(names), str(config.target["name"])


def _export(
    patches: tuple[str, ...], target: str, module: nn.Module, inputs: Any, **options: Any
) -> onnx.ModelProto:
    """Export in a child, where the parent's function patches are not in force."""
    guarded = {"exporter": options["exporter"], "opset": options["opset"], "target": target}
    with patching(*patches, **guarded):
        return export_onnx(module, inputs, **options)


def feeds(graph: Graph, config: Config, image: Array) -> dict[str, Array]:
    """Inputs by name that a graph's passes are checked on.

    Args:
        image: (1, 3, h, w), a picture as the network sees it.
    """
    inputs = examples(graph, _fixed(graph, config), image)
    return {port.name: value.numpy() for port, value in zip(graph.inputs, inputs, strict=True)}


def _fixed(graph: Graph, config: Config) -> dict[str, int]:
    """Axes whose sizes are fixed: what follows the backbone keeps its batch open.

    There, a host feeds one branch and idles the others.
    """
    return fixed_axes(config.input) if graph.name == "backbone" else {}


def write_graph(model: onnx.ModelProto, path: Path, ledger: Ledger) -> None:
    """Save a graph with the ledger of what was done to it among its metadata.

    Weights that do not fit into the file go into ``<path>.data``.
    """
    helper.set_model_props(
        model,
        {
            **{entry.key: entry.value for entry in model.metadata_props},
            LEDGER_KEY: json.dumps(ledger.to_json()),
        },
    )
    save(model, path)


def describe_graph(model: onnx.ModelProto, file: str) -> dict[str, Any]:
    """A graph as bundle.json describes it."""
    return {
        "file": file,
        "inputs": [_tensor(value) for value in model.graph.input],
        "outputs": [_tensor(value) for value in model.graph.output],
    }


def _tensor(value: onnx.ValueInfoProto) -> dict[str, Any]:
    kind = helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
    return {"name": value.name, "dtype": str(kind), "shape": list(shape_of(value) or ())}
