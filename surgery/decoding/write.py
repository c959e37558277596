"""A decoder as an ONNX graph, and a graph with its decoding behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import onnx

from postprocess.decoders.base import DECODERS
from postprocess.errors import InputError

from ..graph.merge import merge
from ..graph.shapes import shape_of
from ..graph.view import opset_of
from .contours import e2ec, snake
from .ctdet import ctdet
from .keypoints import keypoints, simcc
from .nodes import Nodes

WRITERS: Mapping[str, Callable[[Nodes, Any], onnx.ModelProto]] = {
    "ctdet": ctdet,
    "e2ec": e2ec,
    "snake": snake,
    "keypoints": keypoints,
    "simcc": simcc,
}


def decoding(
    decoder: Mapping[str, Any], heads: Sequence[onnx.ValueInfoProto], opset: int
) -> onnx.ModelProto:
    """Return the graph from ``heads`` to what ``decoder`` makes of them.

    Args:
        decoder: name (key ``name``) and parameters, as in bundle.json.
        heads: outputs of the network, of known rank.
        opset: of the domain ``ai.onnx``, at least 11.

    Raises:
        InputError: a decoder that is not written as a graph, a wrong parameter, or heads that do
            not fit.
    """
    parameters = dict(decoder)
    name = parameters.pop("name", None)
    built = DECODERS.get(str(name))(**parameters)
    return WRITERS[require_writer(str(name))](Nodes(heads, opset), built)


def require_writer(name: str) -> str:
    """The decoder's name, after refusing one that is not written as a graph.

    Raises:
        InputError: naming those that are.
    """
    if name not in WRITERS:
        raise InputError(
            f"decoder {name!r} is not written as a graph (there are: {', '.join(WRITERS)}): leave "
            "the decoding outside"
        )
    return name


def with_decoding(model: onnx.ModelProto, decoder: Mapping[str, Any]) -> onnx.ModelProto:
    """Return ``model`` with the decoding behind its outputs; outputs that it does not read stay.

    Raises:
        InputError: see :func:`decoding`; or an output that is called as one of the decoding.
    """
    opset = opset_of(model)
    behind = decoding(decoder, list(model.graph.output), opset)
    connect = {value.name: value.name for value in behind.graph.input}
    merged = merge(model, behind, connect)
    _name_batch(merged, shape_of(model.graph.input[0]))
    return merged


def _name_batch(model: onnx.ModelProto, image: Sequence[int | str | None] | None) -> None:
    """Give the outputs the batch, a size or a symbol, that the network's input has, in place."""
    first = image[0] if image else None
    for value in model.graph.output:
        side = value.type.tensor_type.shape.dim[0]
        if side.dim_param == "batch" and first is not None:
            side.Clear()
            if isinstance(first, int):
                side.dim_value = first
            else:
                side.dim_param = first
