"""One graph of a model: exported, simplified behind checks, and written into the bundle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import onnx
from onnx import helper

from postprocess.instances import Array

from .config import Config
from .export import export_onnx
from .graph.shapes import shape_of
from .ledger import Ledger
from .passes import Parity, run_passes
from .passes.registry import order_with
from .plugins import Graph
from .rewrites.dcn.sums_node import expand
from .shapes import dynamic_axes, examples, fixed_axes
from .strategy import Strategy


def export_graph(
    graph: Graph, config: Config, strategy: Strategy, ledger: Ledger, image: Array
) -> onnx.ModelProto:
    """Export a graph as the network stands now and simplify it.

    Args:
        image: (1, 3, h, w), a picture as the network sees it; every pass is checked on it.

    Raises:
        InputError: the exporter or the configuration is at fault.
    """
    # What follows the backbone keeps its batch open: a host feeds one branch and idles the others.
    fixed = fixed_axes(config.input) if graph.name == "backbone" else {}
    inputs = examples(graph, fixed, image)
    names = [port.name for port in graph.inputs]
    model = export_onnx(
        graph.module,
        inputs,
        input_names=names,
        output_names=[port.name for port in graph.outputs],
        dynamic=dynamic_axes(graph, fixed),
        opset=strategy.opset,
        exporter=config.surgery.exporter,
        metadata={"surgery.dcn": strategy.name},
        name=graph.name,
        symbolics=config.surgery.symbolics,
    )
    feeds = {name: tensor.numpy() for name, tensor in zip(names, inputs, strict=True)}
    surgery = config.surgery
    simplified = run_passes(
        model,
        skip=surgery.skip_passes,
        ledger=ledger,
        check=Parity(feeds),
        order=order_with(surgery.also_passes),
    )
    return expand(simplified)


def write_graph(model: onnx.ModelProto, path: Path, ledger: Ledger) -> None:
    """Save a graph with the ledger of what was done to it among its metadata."""
    helper.set_model_props(
        model,
        {
            **{entry.key: entry.value for entry in model.metadata_props},
            "surgery.ledger": json.dumps(ledger.to_json()),
        },
    )
    onnx.save(model, str(path))


def describe_graph(model: onnx.ModelProto, file: str) -> dict[str, Any]:
    """What bundle.json says about a graph."""
    return {
        "file": file,
        "inputs": [_tensor(value) for value in model.graph.input],
        "outputs": [_tensor(value) for value in model.graph.output],
    }


def _tensor(value: onnx.ValueInfoProto) -> dict[str, Any]:
    kind = helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
    return {"name": value.name, "dtype": str(kind), "shape": list(shape_of(value) or ())}
