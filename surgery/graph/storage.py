"""Graphs above protobuf's 2 GB: weights that do not fit into a graph lie in files.

Protobuf cannot write or read a longer message, so an exporter, a checker or a pass that holds the
weights in the graph ends in an error of its library. A graph in memory has its weights inside where
they fit (:func:`.scratch.limit`). Where they do not, the larger ones lie in a temporary
file, so that copies, passes and child processes move kilobytes. :func:`settle` keeps it so after a
change; :func:`save` writes what ONNX calls external data: ``NAME.onnx`` and ``NAME.onnx.data``
beside it. Only weights of the main graph can lie in files.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import BinaryIO

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from postprocess.errors import InputError
from postprocess.images import write_atomically

from ..support import scratch
from .weights import (
    all_tensors,
    array_of,
    has_outside,
    inside,
    is_outside,
    outside,
    place_of,
    size_of,
)

SMALLEST = 1024  # bytes: smaller tensors (shapes, bounds, scales) stay in the graph, as in ONNX
PAGE = 4096  # bytes: where a weight begins in a file, so that a run time can map it


def settle(model: onnx.ModelProto) -> onnx.ModelProto:
    """Bring the weights inside where they fit, else into files, in place; returns ``model``.

    Raises:
        InputError: there is no room on the disk, or what is not a weight of the main graph does not
            fit.
    """
    if sum(map(size_of, all_tensors(model.graph))) <= scratch.limit():
        for tensor in model.graph.initializer:
            if is_outside(tensor):
                tensor.CopyFrom(inside(tensor))
        return model
    loose = [t for t in model.graph.initializer if _can_leave(t) and not is_outside(t)]
    if loose:
        try:
            handle, name = tempfile.mkstemp(".data", dir=scratch.folder())
            with os.fdopen(handle, "wb") as file:
                for tensor in loose:
                    refer(tensor, name, _append(file, tensor), size_of(tensor))
        except OSError as error:
            raise InputError(
                f"the weights of graph {model.graph.name!r} do not fit in memory and cannot be "
                f"written to {scratch.folder()}: {error.strerror} (TMPDIR names another place)"
            ) from error
    rest = sum(size_of(t) for t in all_tensors(model.graph) if not is_outside(t))
    if rest > scratch.limit():
        raise InputError(
            f"graph {model.graph.name!r} holds {rest:,} bytes in Constant nodes, subgraphs and "
            f"small weights, expected at most {scratch.limit():,}: make initializers of them"
        )
    return model


def loaded(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy of ``model`` with every weight inside, also where it cannot be serialised.

    For libraries that rewrite the weights of a graph in memory; :func:`settle` what they return.
    """
    made = onnx.ModelProto()
    made.CopyFrom(model)
    for tensor in made.graph.initializer:
        if is_outside(tensor):
            tensor.CopyFrom(inside(tensor))
    return made


def bytes_of(model: onnx.ModelProto) -> int:
    """Bytes of a model and of its weights in files."""
    return int(model.ByteSize()) + sum(map(size_of, outside(model).values()))


def save(model: onnx.ModelProto, path: Path) -> list[Path]:
    """Write a model, with weights that do not fit in ``NAME.onnx.data``; returns the files.

    Both are written under other names first; the model, which names the weights, is moved last.

    Raises:
        OSError: the place cannot be written.
    """
    made = onnx.ModelProto()
    made.CopyFrom(model)
    settle(made)
    if not has_outside(made):
        write_atomically(path, made.SerializeToString())
        return [path]
    data = beside(path)
    partial = data.with_name(f".{data.name}.partial")
    try:
        with partial.open("wb") as file:
            for tensor in made.graph.initializer:
                if is_outside(tensor):
                    refer(tensor, data.name, _append(file, tensor), size_of(tensor))
        partial.replace(data)
    finally:
        partial.unlink(missing_ok=True)
    write_atomically(path, made.SerializeToString())
    return [path, data]


def beside(path: Path) -> Path:
    """Where the weights of a model go that do not fit into its file."""
    return path.with_name(f"{path.name}.data")


def _can_leave(tensor: TensorProto) -> bool:
    return tensor.data_type != TensorProto.STRING and size_of(tensor) >= SMALLEST


def refer(tensor: TensorProto, location: str, offset: int, length: int) -> None:
    """Let a tensor name where its values lie, in place: ``location`` is a path, the rest bytes."""
    made = TensorProto(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims)
    made.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", offset), ("length", length)):
        made.external_data.add(key=key, value=str(value))
    tensor.CopyFrom(made)


def _append(file: BinaryIO, tensor: TensorProto) -> int:
    """Write a tensor's values behind the last ones and return where they begin."""
    offset = -(-file.tell() // PAGE) * PAGE
    file.seek(offset)
    if is_outside(tensor):
        path, start = place_of(tensor)
        file.write(np.memmap(path, np.uint8, "r", start, (size_of(tensor),)).data)
    else:
        raw = tensor if tensor.HasField("raw_data") else numpy_helper.from_array(array_of(tensor))
        file.write(raw.raw_data)
    return offset
