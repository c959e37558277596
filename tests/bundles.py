"""Bundles written by hand: ONNX graphs of a few nodes, and the bundle.json that describes them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

Shapes = Mapping[str, Sequence[str | int]]
"""Inputs or outputs by name; a side may have a name, too."""


def onnx_model(
    nodes: Sequence[Any], inputs: Shapes, outputs: Shapes, weights: Mapping[str, Any]
) -> Any:
    """A checked ONNX model on float32; weights become float32, or int64 where they are whole."""
    from onnx import TensorProto, checker, helper, numpy_helper

    constants = [
        numpy_helper.from_array(
            value.astype(np.int64 if value.dtype.kind == "i" else np.float32), name
        )
        for name, value in weights.items()
    ]
    ends = [
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, each[name]) for name in each]
        for each in (inputs, outputs)
    ]
    graph = helper.make_graph(nodes, "tiny", *ends, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    checker.check_model(model)
    return model


def port(value: Any) -> dict[str, Any]:
    """An input or output of an ONNX graph as bundle.json lists it."""
    shape = [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]
    return {"name": value.name, "dtype": "float32", "shape": shape}


def write_bundle(
    folder: Path,
    graphs: Mapping[str, Any],
    decoder: Mapping[str, Any],
    preprocess: Mapping[str, Any],
    classes: Sequence[str],
    **rest: Any,
) -> dict[str, Any]:
    """Write a bundle of ONNX models, "backbone" and perhaps "refine".

    Args:
        folder: made where it is missing.
        preprocess: what differs from BGR from 0 to 1 without mean and deviation.
        rest: other entries of bundle.json.

    Returns:
        The content of bundle.json.
    """
    folder.mkdir(parents=True, exist_ok=True)
    listed, files = {}, {}
    for name, model in graphs.items():
        data = model.SerializeToString()
        (folder / f"{name}.onnx").write_bytes(data)
        files[f"{name}.onnx"] = hashlib.sha256(data).hexdigest()
        ends = {"inputs": model.graph.input, "outputs": model.graph.output}
        listed[name] = {
            "file": f"{name}.onnx",
            **{end: [port(value) for value in values] for end, values in ends.items()},
        }
    document = {
        "schema": 1,
        "model": {"name": "tiny", "variant": None, "weights": {"source": "tests", "sha256": None}},
        "preprocess": {
            "color": "bgr",
            "scale": 1 / 255,
            "mean": [0.0, 0.0, 0.0],
            "std": [1.0, 1.0, 1.0],
            **preprocess,
        },
        "graphs": listed,
        "decoder": dict(decoder),
        "classes": list(classes),
        "keypoints": [],
        "skeleton": [],
        "ledger": [],
        "parity": {},
        "versions": {},
        "files": files,
        **rest,
    }
    (folder / "bundle.json").write_text(json.dumps(document, indent=2))
    return document
